"""Places in a text: what a diagnostic points at."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct

# What YAML's parser counts as the end of a line (YAML 1.1, which libyaml keeps to); a place is in its lines.
_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

Path = tuple[str | int, ...]
"""Steps from the top of a document to a value: a mapping's key, a sequence's index, or the `name` of a named item."""


class Key(str):
    """A step to a key itself, where the fault is its name and not its value."""

    __slots__ = ()


class Source(Struct, frozen=True, order=True):
    """A text and the name it is shown under."""

    name: str
    text: str

    def line(self, number: int) -> str:
        """The text of line `number` (from 1) without its line break; empty past the end."""
        lines = _lines(self.text)
        return lines[number - 1] if 0 < number <= len(lines) else ""


@lru_cache(maxsize=8)  # a report asks for many lines of few texts
def _lines(text: str) -> list[str]:
    return _BREAK.split(text)


class Span(Struct, frozen=True, order=True):
    """From one place to another, lines and columns counted from 1; the end is exclusive."""

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    def __hash__(self) -> int:
        return hash((self.source.name, self.line, self.column, self.end_line, self.end_column))


def top(source: Source) -> Span:
    """The first character of a text: the place of what is wrong with the whole of it."""
    return Span(source, 1, 1, 1, 1)
