"""The form for people at a terminal: every finding with the lines it is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmspec.report.diagnostic import Diagnostic
from llmspec.report.writers.frame import Frame, marks_of
from llmspec.report.writers.style import Style
from llmspec.report.writers.tally import in_words
from llmspec.report.writers.visible import visible


def write(diagnostics: Sequence[Diagnostic], style: Style) -> str:
    """In the manner of rustc.

    error[LS202]: unknown kind `qdrnt`
     --> llm.yaml:4:9
      |
    4 |   kind: qdrnt
      |         ^^^^^
      |
      = help: did you mean `qdrant`?
    """
    if not diagnostics:
        return ""
    screens = ("\n".join(_screen(row, style)) for row in diagnostics)
    return "\n\n".join((*screens, _end(diagnostics, style))) + "\n"


def _screen(row: Diagnostic, style: Style) -> Iterator[str]:
    marks = marks_of(row)
    numbers = [mark.span.line for source in marks for mark in marks[source] if source.text]
    frame = Frame(style, len(str(max(numbers, default=1))))
    head = style.ink(row.severity, f"{row.severity}[{row.code.id}]")
    yield f"{head}{style.ink('strong', f': {visible(row.message)}')}"
    for source, drawn in marks.items():
        yield from frame.rows(source, drawn, "-->" if source == row.span.source else ":::")
    footers = [(title, text) for title, text in _remarks(row) if text.strip()]
    if footers and numbers:
        yield frame.bar()
    yield from (frame.footer(title, text) for title, text in footers)


def _remarks(row: Diagnostic) -> tuple[tuple[str, str], ...]:
    return (("environment", ", ".join(row.environments)), ("note", row.note), ("help", row.help))


def _end(diagnostics: Sequence[Diagnostic], style: Style) -> str:
    found = style.ink("strong", f"found {in_words(diagnostics)}")
    return f"{found}\nfor more about a code: `llmspec explain {diagnostics[0].code.id}`"
