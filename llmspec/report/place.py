"""Places in a text: what a diagnostic points at."""

from __future__ import annotations

from msgspec import Struct

Path = tuple[str | int, ...]
"""Steps from the top of a document to a value: a mapping's key, a sequence's index, or the `name` of a named item."""


class Source(Struct, frozen=True):
    """A text and the name it is shown under."""

    name: str
    text: str

    def line(self, number: int) -> str:
        """The text of line `number` (from 1) without its line break; empty past the end."""
        lines = self.text.split("\n")
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""


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
