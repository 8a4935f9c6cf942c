"""What the pages of engines read from the catalogue's tables and from the types of parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import msgspec

from llmspec.catalog.releases import Known, Row, Table, engines, table
from llmspec.compiler import parts
from llmspec.families import Engine
from llmspec.part import members


def as_of(rows: Table, release: str) -> Known:
    """What is known as of a release; a table is read once, so that it can be told by itself."""
    return Known(next(name for name in engines() if table(name) is rows), release, release)


def span(row: Row) -> str:
    """The releases that a row holds for, after its name."""
    begin = f" from {row.since}" if row.since else ""
    end = f" before {row.until}" if row.until else ""
    return f"{begin}{',' * bool(begin and end)}{end}"


def choices(section: Any, field: str) -> tuple[str, ...]:
    """The words that a field can have; none where there is no such field."""
    types = [each.type for each in msgspec.structs.fields(section) if each.name == field]
    return tuple(word for type_ in types for word in _literals(type_))


def _literals(type_: Any) -> Iterator[str]:
    for each in get_args(type_):
        if get_origin(type_) is Literal:
            yield each
        else:
            yield from _literals(each)


def bare(type_: Any) -> Any:
    """A type without its annotations."""
    return get_args(type_)[0] if hasattr(type_, "__metadata__") else type_


def label(name: str) -> str:
    """The name of a row of quantizations."""
    method, _, maker = name.partition("/")
    return f"`{method}`" + f", `quant_method: {maker}`" * bool(maker)


def kinds() -> list[str]:
    """The engines that have a page."""
    parts()
    return [kind for kind, engine in members(Engine).items() if engine.table in engines()]
