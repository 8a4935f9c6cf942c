"""Of an engine's page: its options, those that are gone, and its parsers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_origin

import msgspec
from makers.engine_tables import as_of, bare
from makers.markdown import escaped, grid, named, wrapped

from llmspec.catalog.releases import Option, Table, holding, order
from llmspec.families import Engine


def parsers(rows: Table) -> Iterator[str]:
    known = {kind: spans for kind, spans in rows.names.items() if kind in ("toolCallParsers", "reasoningParsers")}
    if not known:
        return
    yield "\n## Parsers\n\nNames of the newest release; in brackets the release that one came with.\n"
    for kind, spans in sorted(known.items(), reverse=True):
        held = {name: row for name, each in spans.items() if (row := holding(each, rows.newest_version))}
        listed = ", ".join(f"`{name}`" + f" ({row.since})" * bool(row.since) for name, row in sorted(held.items()))
        key = kind.removesuffix("s")
        yield f"\n{wrapped(f'* `{key}`: {listed}.')}\n"


def options(engine: type[Engine], rows: Table) -> Iterator[str]:
    yield "\n## Options\n\n"
    newest, oldest = rows.newest_version, next(iter(rows.releases))
    held = {name: len(as_of(rows, newest).options(name)) for name in rows.commands}
    if engine.command:
        before = len(as_of(rows, oldest).options(engine.command))
        yield (
            f"`llmspec` checks `engine.{_added(engine)}` against {held[engine.command]} options of `{engine.command}` "
            f"of {newest} ({before} of {oldest}): names, types, choices, and what is set elsewhere in the spec.\n"
        )
    others = [name for name, count in held.items() if count and name != engine.command]
    if others:
        known = " and ".join(f"{held[name]} options of `{name}`" for name in others)
        yield "\n" * bool(engine.command)
        yield f"The catalogue also has {known} of {newest}, which llmspec writes itself: a spec adds none.\n"
    for command in rows.commands:
        yield from _gone(command, rows, is_whole=not held[command])
        yield from _deprecated(command, rows)


def _added(engine: type[Engine]) -> str:
    """The key that takes further options."""
    fields = msgspec.structs.fields(engine)
    return next((str(each.encode_name) for each in fields if get_origin(bare(each.type)) is dict), "args")


def _gone(command: str, rows: Table, *, is_whole: bool) -> Iterator[str]:
    known = as_of(rows, rows.newest_version)
    held = known.options(command)
    past = {name: row for name in rows.commands[command] if name not in held and (row := known.gone(command, name))}
    if not past:
        return
    if is_whole:
        last = max(past.values(), key=lambda row: order(row.until))
        instead = max((row.instead for row in past.values()), key=[row.instead for row in past.values()].count)
        yield f"\n`{command}` is gone since {last.until}, with its {len(past)} options. Instead: {instead}.\n"
        return
    yield f"\n### Options of `{command}` that are gone\n\n"
    alike: dict[tuple[str, str], list[str]] = {}
    for name, row in sorted(past.items(), key=lambda item: (order(item[1].until), item[0])):
        alike.setdefault((row.until, row.instead), []).append(name)
    lines = ((named(names), until, escaped(instead)) for (until, instead), names in alike.items())
    yield grid(("option", "gone since", "instead"), lines)


def _deprecated(command: str, rows: Table) -> Iterator[str]:
    held = as_of(rows, rows.newest_version).options(command)
    past = {name: row for name, row in sorted(held.items()) if row.deprecated}
    if past:
        yield f"\n### Options of `{command}` that are deprecated\n\n"
        lines = ((f"`{name}`", row.deprecated, escaped(_advice(row))) for name, row in past.items())
        yield grid(("option", "since", "what is said of it"), lines)


def _advice(option: Option) -> str:
    return f"write {option.instead}" if option.instead else option.note
