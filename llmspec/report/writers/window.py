"""The part of a line that is shown, and where in it something stands."""

from __future__ import annotations

from itertools import accumulate
from typing import Final

from msgspec import Struct

from llmspec.report.writers.visible import cell, inert, width

MORE: Final = "\u2026"


class Window(Struct, frozen=True):
    """One cell for each character of the line from `first` on; `before` and `after` say what was left out."""

    first: int
    cells: tuple[str, ...]
    before: bool = False
    after: bool = False

    @property
    def text(self) -> str:
        return MORE * self.before + inert("".join(self.cells)) + MORE * self.after

    def holds(self, start: int, end: int) -> bool:
        return self.first <= start and end <= self.first + len(self.cells)

    def columns(self, start: int, end: int) -> tuple[int, int]:
        """How far in, and how wide, the characters from `start` to `end` are; never less than one column wide."""
        start, end = max(0, start - self.first), max(0, end - self.first)
        return self.before + _total(self.cells[:start]), max(1, _total(self.cells[start:end]))


def window(line: str, start: int, end: int, room: int) -> Window:
    """What `room` columns hold of `line` around the characters from `start` to `end`; all of it where that fits."""
    low, high = max(0, start - room), start + room
    cells = tuple(map(cell, line[low:high]))
    if low == 0 and high >= len(line) and _total(cells) <= room:
        return Window(0, cells)
    room -= 2 * len(MORE)
    here = start - low
    marked, tail = (min(room, _total(cells[here:stop])) for stop in (end - low, None))
    first = here - _fitting(cells[:here][::-1], max((room - marked) // 2, room - tail))
    last = here + _fitting(cells[here:], room - _total(cells[first:here]))
    return Window(low + first, cells[first:last], before=low + first > 0, after=low + last < len(line))


def _total(cells: tuple[str, ...]) -> int:
    return sum(map(width, cells))


def _fitting(cells: tuple[str, ...], room: int) -> int:
    """How many of `cells` fit into `room` columns."""
    return sum(total <= room for total in accumulate(map(width, cells)))
