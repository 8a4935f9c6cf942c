"""A release's facts merged into a table: spans of equal facts become rows, what people wrote is kept."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from llmspec.catalog.releases import order

Row = dict[str, Any]
Rows = list[Row]
# What people write, not the tool; a note of the tool's own gives way to theirs.
WRITTEN = ("instead", "deprecated", "note", "source")
SPAN = ("since", "until")


def merge(table: dict[str, Any], version: str, facts: dict[str, Any]) -> dict[str, Any]:
    """The table with a release in it. `facts` has `release`, `commands` and `names`."""
    known = sorted({*table.get("releases", {}), version}, key=order)
    before = table.get("releases", {}).get(version, {})
    releases = table.get("releases", {}) | {version: facts["release"] | before}
    commands = dict(table.get("commands", {}))
    for command, rows in facts["commands"].items():
        commands[command] = merged(commands.get(command, {}), known, version, rows)
    kinds = dict(table.get("names", {}))
    for kind, words in facts["names"].items():
        kinds[kind] = merged(kinds.get(kind, {}), known, version, {word: {} for word in words})
    return table | {"releases": releases, "commands": commands, "names": dict(sorted(kinds.items()))}


def merged(rows: dict[str, Rows], known: list[str], version: str, facts: dict[str, Row]) -> dict[str, Rows]:
    """Rows by name, with those of a release in them."""
    made = {name: spans(rows.get(name, []), known, version, facts.get(name)) for name in sorted({*rows, *facts})}
    return {name: each for name, each in made.items() if each}


def spans(rows: Rows, known: list[str], version: str, fact: Row | None) -> Rows:
    """Rows of one name: a row for each run of known releases in which the facts are equal."""
    outside = [row for row in rows if not any(holds(row, each) for each in known)]
    runs: list[list[str]] = []
    facts = {each: fact if each == version else _fact(rows, each) for each in known}
    for number, each in enumerate(known):
        is_same = number and facts[known[number - 1]] is not None and _same(facts[known[number - 1]], facts[each])
        if facts[each] is None:
            continue
        if is_same:
            runs[-1].append(each)
        else:
            runs.append([each])
    made = [_row(rows, known, run, facts[run[0]] or {}) for run in runs]
    return sorted([*outside, *made], key=lambda row: order(row.get("since", "")))


def holds(row: Row, version: str) -> bool:
    """Whether a row holds for a release."""
    since, until = row.get("since", ""), row.get("until", "")
    return (not since or order(since) <= order(version)) and (not until or order(version) < order(until))


def _fact(rows: Rows, version: str) -> Row | None:
    row = next((each for each in reversed(rows) if holds(each, version)), None)
    return None if row is None else {key: value for key, value in row.items() if key not in SPAN}


def _same(one: Row | None, other: Row | None) -> bool:
    if one is None or other is None:
        return one is other
    plain = [{key: value for key, value in each.items() if key not in WRITTEN} for each in (one, other)]
    return json.dumps(plain[0], sort_keys=True) == json.dumps(plain[1], sort_keys=True)


def _row(rows: Rows, known: list[str], run: list[str], fact: Row) -> Row:
    """The row of a run, with what people wrote of it, and with edges that are known more finely."""
    first, last = known.index(run[0]), known.index(run[-1])
    at_first = next((row for row in reversed(rows) if holds(row, run[0])), {})
    at_last = next((row for row in reversed(rows) if holds(row, run[-1])), {})
    since = at_first.get("since", "")
    if not since or (first and order(since) <= order(known[first - 1])):
        since = run[0] if first else ""
    until = at_last.get("until", "")
    following = known[last + 1] if last + 1 < len(known) else ""
    if not until or (following and order(until) > order(following)):
        until = following
    kept = {key: row[key] for row in (at_first, at_last) for key in WRITTEN if key in row}
    edges = {key: value for key, value in (("since", since), ("until", until)) if value}
    return edges | {key: value for key, value in fact.items() if key not in SPAN} | kept


def past(table: dict[str, Any], command: str, versions: dict[str, dict[str, Row]]) -> dict[str, Any]:
    """The table with rows for options that only releases before the first known one had. `versions` are theirs."""
    known = sorted(table["releases"], key=order)
    timeline = [*sorted(versions, key=order), known[0]]
    rows = dict(table["commands"][command])
    for name in sorted({name for options in versions.values() for name in options}):
        here = rows.get(name, [])
        had = [each for each in timeline[:-1] if name in versions[each]]
        if any(holds(row, known[0]) for row in here):
            continue
        until = timeline[timeline.index(had[-1]) + 1]
        old = next((row for row in here if row.get("until") and order(row["until"]) <= order(known[0])), {})
        facts = {key: value for key, value in versions[had[-1]][name].items() if key == "type"}
        later = [row for row in here if row is not old]
        rows[name] = [{"until": until} | facts | {key: old[key] for key in WRITTEN if key in old}, *later]
    return table | {"commands": table["commands"] | {command: dict(sorted(rows.items()))}}


def gone(table: dict[str, Any]) -> Iterable[str]:
    """Options that the newest release lacks and of which nobody wrote what to write instead."""
    newest = max(table["releases"], key=order)
    for command, rows in table.get("commands", {}).items():
        for name, each in rows.items():
            if not any(holds(row, newest) for row in each) and not each[-1].get("instead"):
                yield f"{command}: {name} is gone since {each[-1].get('until', '?')}"


def dump(table: dict[str, Any]) -> str:
    """The file of a table: an option, a word or a release a line."""
    parts = [
        f"{json.dumps(key)}: {_written(value, 2 if key in {'commands', 'names'} else 1)}"
        for key, value in table.items()
    ]
    return "{\n  " + ",\n  ".join(parts) + "\n}\n"


def _written(value: Any, depth: int, indent: str = "  ") -> str:
    if not depth or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = indent + "  "
    parts = (f"{json.dumps(key)}: {_written(each, depth - 1, inner)}" for key, each in value.items())
    return "{\n" + inner + f",\n{inner}".join(parts) + "\n" + indent + "}"
