"""The frame around a piece of source: its lines, what is underlined in them, and the words beside that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from llmspec.report.diagnostic import Diagnostic
from llmspec.report.place import Source, Span
from llmspec.report.writers.style import Style
from llmspec.report.writers.visible import visible
from llmspec.report.writers.window import Window, window

NARROWEST = 24
"""Columns of source that are shown however narrow the terminal says it is."""


class Mark(Struct, frozen=True):
    """What is drawn below a span; `ink` is a severity for the finding itself and `frame` for a label."""

    span: Span
    ink: str
    text: str = ""

    @property
    def is_label(self) -> bool:
        return self.ink == "frame"

    def within(self, line: str) -> tuple[int, int]:
        """The stretch of its first line that is underlined; a span of several lines goes to the end of that."""
        start = min(max(self.span.column - 1, 0), len(line))
        end = self.span.end_column - 1 if self.span.end_line == self.span.line else len(line)
        return start, min(max(end, start), len(line))


class Frame(Struct, frozen=True):
    """Draws; `gutter` is the width of the widest line number."""

    style: Style
    gutter: int

    def rows(self, source: Source, marks: Iterable[Mark], arrow: str) -> Iterator[str]:
        """An arrow to the first mark, then every mark in order of lines."""
        marks = list(marks)
        yield f"{' ' * self.gutter}{self.style.ink('frame', arrow)} {place(marks[0].span)}"
        if source.text:
            yield self.bar()
            yield from self._source(source, sorted(marks, key=_drawn))
        else:
            yield from (self.footer("note", mark.text) for mark in marks if mark.text.strip())

    def bar(self, text: str = "") -> str:
        return f"{' ' * self.gutter} {self.style.ink('frame', '|')} {text}".rstrip(" ")

    def footer(self, title: str, text: str) -> str:
        """`= title: text`; further lines of the text keep to the column and behind a bar, where no line begins."""
        lines = [visible(line) for line in text.strip("\r\n").splitlines()]
        head = f"{' ' * self.gutter} {self.style.ink('frame', '=')} {self.style.ink('strong', title)}: {lines[0]}"
        return "\n".join([head, *(self.bar(f"{' ' * len(title)}  {line}") for line in lines[1:])])

    def _source(self, source: Source, marks: list[Mark]) -> Iterator[str]:
        shown, view = 0, Window(0, ())
        for mark in marks:
            number = max(mark.span.line, 1)
            line = source.line(number)
            start, end = mark.within(line)
            if number != shown or not view.holds(start, end):
                if shown and number > shown + 1:
                    yield "..."
                view = window(line, start, end, max(self.style.width - self.gutter - 3, NARROWEST))
                yield self._numbered(number, view)
            shown = number
            yield self._underline(mark, *view.columns(start, end))

    def _numbered(self, number: int, view: Window) -> str:
        return f"{self.style.ink('frame', f'{number:>{self.gutter}} |')} {view.text}".rstrip(" ")

    def _underline(self, mark: Mark, offset: int, length: int) -> str:
        words = f"{('-' if mark.is_label else '^') * length} {visible(mark.text)}".rstrip(" ")
        return self.bar(" " * offset + self.style.ink(mark.ink, words))


def place(span: Span) -> str:
    """`file:line:column`."""
    return f"{visible(span.source.name)}:{span.line}:{span.column}"


def marks_of(row: Diagnostic) -> dict[Source, list[Mark]]:
    """What is drawn in each text, that of the finding first."""
    marks = {row.span.source: [Mark(row.span, row.severity)]}
    for label in row.also:
        marks.setdefault(label.span.source, []).append(Mark(label.span, "frame", label.text))
    return marks


def _drawn(mark: Mark) -> tuple[int, bool, int]:
    return (mark.span.line, mark.is_label, mark.span.column)
