"""The language reference, from the types that read llm.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import starmap
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from makers.markdown import escaped, grid, whole
from msgspec import NODEFAULT, Meta

from llmspec.compiler import parts
from llmspec.families import Source
from llmspec.part import Part, Section, is_family, members
from llmspec.passes.prompts import PromptFile
from llmspec.scalars import Cores, Measured, Seconds, Text
from llmspec.spec.service import LLMService

INTRODUCTION = """# The language

This page is made from the types that read `llm.yaml` (`make docs`). `llmspec schema` prints the same as JSON Schema.

Keys are in camelCase. A key that is not listed is an error; keys that begin with `x-` are yours. Where a table says
nothing under *default*, leaving the key out means what its text says. An `environments` key at the top overlays all of
this for each environment: [environments](../environments.md).
"""
SOURCES = """
## Sources

The scheme of a model's `uri` picks where its weights come from.

"""
PROMPTS = """
# Prompt files

A prompt is a file of its own, in the layout of GitHub Models.
"""
SCALARS = """
# Words

What is written as one word has a form that is checked.

"""
PLAIN = {int: "whole number", float: "number", bool: "`true` or `false`", str: "text", Any: "anything"}


def page() -> str:
    """The whole reference."""
    parts()
    prompts = {each: paths for each, paths in _reached(PromptFile).items() if each not in _reached(LLMService)}
    return "".join(
        (
            INTRODUCTION,
            *starmap(_section, _reached(LLMService).items()),
            SOURCES,
            *(f"* {whole(source)}\n" for source in members(Source).values()),
            PROMPTS,
            *starmap(_section, prompts.items()),
            SCALARS,
            grid(("word", "what it is", "example"), map(_word, sorted(_words(), key=_spoken))),
        )
    )


def _fields(section: Any) -> tuple[Any, ...]:
    return msgspec.structs.fields(section)


def _key(field: Any) -> str:
    return str(field.encode_name).rstrip("_")


@cache
def _reached(top: Any) -> dict[Any, list[str]]:
    """`top` and every section and family below it, in order of reading, each with the paths that it stands at."""
    found: dict[Any, list[str]] = {}
    _reach(top, "", found)
    return found


def _reach(section: Any, path: str, found: dict[Any, list[str]]) -> None:
    found.setdefault(section, []).append(path)
    for field in _own_fields(section):
        for below in _sections(field.type):
            _reach(below, f"{path}.{_key(field)}{_many(field.type)}".removeprefix("."), found)


def _many(type_: Any) -> str:
    """What a path says of a list or a mapping."""
    origins = [get_origin(type_), *(get_origin(each) for each in get_args(type_))]
    return "[]" if tuple in origins else ".*" if dict in origins else ""


def _own_fields(section: Any) -> tuple[Any, ...]:
    if is_family(section):
        return tuple(field for member in members(section).values() for field in _fields(member))
    return _fields(section)


def _sections(type_: Any) -> Iterator[Any]:
    if isinstance(type_, type) and issubclass(type_, Section):
        yield type_
    for each in get_args(type_):
        yield from _sections(each)


def _section(section: Any, paths: list[str]) -> str:
    places = " and ".join(f"`{path}`" for path in dict.fromkeys(paths) if path)
    about = whole(section).partition(": `")[0].rstrip(".") + "." if is_family(section) else whole(section)
    title = f"\n## {section.__name__}\n\n{f'At {places}. ' * bool(places)}{about}\n"
    if not is_family(section):
        return title + _table(section)
    kinds = "".join(f"\n### `kind: {kind}`\n\n{whole(each)}\n{_table(each)}" for kind, each in members(section).items())
    return title + kinds


def _table(section: Any) -> str:
    fields = _fields(section)
    lines = ((f"`{_key(field)}`", _type(field.type), _default(field), _meaning(field)) for field in fields)
    return (
        "\n" + grid(("key", "type", "default", "meaning"), lines)
        if fields
        else "\nIt has no keys of its own.\n" * issubclass(section, Part)
    )


def _meaning(field: Any) -> str:
    metas = [each for each in get_args(field.type) if isinstance(each, Meta) and each.description]
    return escaped("".join(str(meta.description) for meta in metas))


def _type(type_: Any) -> str:
    """A type in words."""
    origin, arguments = get_origin(type_), get_args(type_)
    if origin is Annotated:
        return _type(arguments[0]) + "".join(_limits(each) for each in arguments[1:])
    if origin in (Union, UnionType):
        return _type(next(each for each in arguments if each is not type(None)))
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in arguments)
    if origin is tuple:
        return f"list of {_type(arguments[0])}".replace("list of whole number", "list of whole numbers")
    if origin is dict:
        return f"mapping of {_type(arguments[0])} to {_type(arguments[1])}"
    return PLAIN.get(type_) or _named(type_)


def _named(type_: Any) -> str:
    is_word = issubclass(type_, (Text, Measured))
    return f"[{_spoken(type_)}](#words)" if is_word else f"[{type_.__name__}](#{type_.__name__.lower()})"


def _spoken(type_: Any) -> str:
    """`RelativePath` as "relative path"."""
    return "".join(f" {each.lower()}" if each.isupper() else each for each in type_.__name__).strip()


def _limits(meta: Any) -> str:
    if not isinstance(meta, Meta):
        return ""
    if meta.max_length is not None:
        return f" of one line, at most {meta.max_length} characters"
    low = f" from {meta.ge:,}" if meta.ge is not None else f" above {meta.gt:,}" if meta.gt is not None else ""
    return low + (f" to {meta.le:,}" if meta.le is not None else "")


def _default(field: Any) -> str:
    if field.required:
        return "**required**"
    value = None if field.default is NODEFAULT else field.default
    is_said = value not in (None, "", ()) and isinstance(value, (str, int, float, tuple))
    return f"`{_written(value, field.type)}`" if is_said else ""


def _written(value: Any, type_: Any) -> str:
    """A value as it would be written in llm.yaml."""
    if isinstance(value, tuple):
        return f"[{', '.join(_written(each, type(each)) for each in value)}]"
    if isinstance(value, Section):
        pairs = ((field, getattr(value, field.name)) for field in _fields(type(value)))
        return f"{{{', '.join(f'{_key(field)}: {_written(each, field.type)}' for field, each in pairs)}}}"
    measured = next((each for each in _leaves(type_) if issubclass(each, Measured)), None)
    if measured and isinstance(value, int):
        return _with_unit(value, measured)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with_unit(value: int, measured: type[Measured]) -> str:
    """In the largest unit that leaves a whole number, binary ones first."""
    if measured is Cores:
        return f"{value // 1000}" if value % 1000 == 0 else f"{value}m"
    units = sorted(
        measured.units.items(), key=lambda unit: (measured is not Seconds and not unit[0].endswith("i"), -unit[1])
    )
    name, factor = next(unit for unit in units if value % unit[1] == 0)
    return f"{value // factor}{name}"


def _leaves(type_: Any) -> Iterator[type]:
    if isinstance(type_, type) and not get_args(type_):
        yield type_
    for each in get_args(type_):
        yield from _leaves(each)


def _words() -> set[Any]:
    sections = (*_reached(LLMService), *_reached(PromptFile))
    leaves = (leaf for section in sections for field in _own_fields(section) for leaf in _leaves(field.type))
    return {leaf for leaf in leaves if issubclass(leaf, (Text, Measured))}


def _word(type_: Any) -> tuple[str, str, str]:
    return _spoken(type_), type_.what, f"`{type_.example}`"
