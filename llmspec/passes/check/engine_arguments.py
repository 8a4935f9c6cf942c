"""Every option of an engine is one that its release has, of the right type, and set in one place."""

from __future__ import annotations

from typing import Any

from llmspec.catalog.releases import Known, Option
from llmspec.families import Argument, Role
from llmspec.passes.networks import network
from llmspec.passes.resolve import Resolved, ResolvedModel
from llmspec.report.code import Code
from llmspec.report.nearest import did_you_mean
from llmspec.report.place import Key, Path
from llmspec.report.report import Report

UNKNOWN_ARGUMENT = Code(
    "LS362", "unknown-engine-argument", "{engine} {version} has no option `{argument}`",
    why="Options are removed and renamed between releases, and the server refuses to start with one that it lacks.",
)  # fmt: skip
OWN_ARGUMENT = Code(
    "LS363", "argument-set-elsewhere", "`{argument}` is set from {where}",
    why="A setting that is written in two places can differ in them.",
)  # fmt: skip
WRONG_ARGUMENT = Code(
    "LS368", "wrong-engine-argument", "`{argument}` of {engine} {version} must be {expected}, not {found}",
    why="The server parses its options when it starts, and ends at the first that it cannot read.",
)  # fmt: skip
DEPRECATED_ARGUMENT = Code(
    "LS369", "deprecated-engine-argument", "`{argument}` is deprecated since {engine} {since}",
    why="What is deprecated works in the pinned release, and is gone in one of the next.",
    severity="warning",
)  # fmt: skip
OPTION_NOT_YET = Code(
    "LS370", "setting-not-in-release", "{where} needs the option `{argument}`, which {engine} {version} lacks",
    why="A setting that the release has no option for would be left out, and believed to hold.",
)  # fmt: skip

TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "flag": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "list": (list, tuple),
    "object": (dict, str),
}
EXAMPLES = {"boolean": "true", "flag": "true", "integer": 1, "number": 0.5, "list": "[a]", "object": "{a: 1}"}
WORDS = {
    "boolean": "`true` or `false`",
    "flag": "`true`",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "list": "a list",
    "object": "a mapping",
}


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        engine = each.model.engine
        if not engine.command or each.model.task not in engine.tasks:
            continue
        net, known = network(resolved, each), engine.facts()
        own, options = engine.own(net), known.options(engine.command)
        _check_own(each, engine.command, own, known, report)
        role: Role = "leader" if net.nodes > 1 else "alone"
        _check_own(each, engine.flag_command, engine.flags(net, role), known, report)
        for argument in engine.arguments():
            at: Path = (*each.at, "engine", *argument.at[:-1], Key(argument.at[-1]))
            alias = options[argument.name].alias if argument.name in options else ""
            where = engine.reserved() | {name: where for name, (_, where) in own.items()}
            taken = where.get(argument.name) or where.get(alias)
            if taken:
                report.say(OWN_ARGUMENT, at, argument=argument.name, where=taken, help="remove it here")
            elif argument.name not in options:
                _say_unknown(argument, at, known, engine.command, report)
            else:
                _check_value(argument, at, options[argument.name], known, report)


def _check_own(
    each: ResolvedModel, command: str, own: dict[str, tuple[Any, str]], known: Known, report: Report
) -> None:
    """Say it where a setting of ours needs an option that this release lacks."""
    options = known.options(command)
    for name, (_, where) in sorted(own.items()):
        if name not in options:
            later = known.later(command, name)
            hint = f"{known.table.title} {later.since} has it" if later else "leave it out, or pin another release"
            facts: dict[str, Any] = {"where": where, "argument": name}
            facts |= {"engine": known.table.title, "version": known.version}
            report.say(OPTION_NOT_YET, (*each.at, "engine", "version"), help=hint, **facts)


def _say_unknown(argument: Argument, at: Path, known: Known, command: str, report: Report) -> None:
    gone, later = known.gone(command, argument.name), known.later(command, argument.name)
    hint = did_you_mean(argument.name, known.options(command))
    if gone:
        hint = f"gone since {gone.until}" + (f": {gone.instead}" if gone.instead else "")
    elif later:
        hint = f"it came with {later.since}"
    facts: dict[str, Any] = {"engine": known.table.title, "version": known.version, "argument": argument.name}
    report.say(UNKNOWN_ARGUMENT, at, help=hint, **facts)


def _check_value(argument: Argument, at: Path, option: Option, known: Known, report: Report) -> None:
    facts: dict[str, Any] = {"argument": argument.name, "engine": known.table.title, "version": known.version}
    expected = _expected(argument.value, option)
    if expected:
        usual = option.default if option.default is not None else EXAMPLES.get(option.type)
        hint = f"for instance `{argument.at[-1]}: {usual}`" if usual is not None else "see the engine's own reference"
        report.say(WRONG_ARGUMENT, at, expected=expected, found=_shown(argument.value), help=hint, **facts)
    elif option.deprecated and known.is_from(option.deprecated):
        since: dict[str, Any] = {"argument": argument.name, "engine": known.table.title, "since": option.deprecated}
        report.say(DEPRECATED_ARGUMENT, at, help=option.instead or option.note, **since)


def _expected(value: Any, option: Option) -> str:
    """In words what the value should be, if it is not."""
    if option.choices and isinstance(value, (str, int)) and not isinstance(value, bool):
        listed = ", ".join(f"`{choice}`" for choice in option.choices)
        return "" if str(value) in option.choices else f"one of {listed}"
    types = TYPES.get(option.type)
    if types is None or value is None:
        return ""
    is_number = isinstance(value, bool) and bool not in types
    return "" if isinstance(value, types) and not is_number else WORDS[option.type]


def _shown(value: Any) -> str:
    text = (
        f"`{value}`"
        if isinstance(value, (bool, int, float, str))
        else "a mapping"
        if isinstance(value, dict)
        else "a list"
    )
    return (text[:40] + "…`" if len(text) > 42 else text).lower() if isinstance(value, bool) else text[:60]  # noqa: PLR2004
