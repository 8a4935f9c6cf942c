"""The form for GitHub Actions: annotations beside the changed lines, and the log as well."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from llmspec.report.diagnostic import Diagnostic
from llmspec.report.writers.concise import write as write_concise
from llmspec.report.writers.style import Style
from llmspec.report.writers.tally import in_words, said, worst_first
from llmspec.report.writers.visible import visible

MOST: Final = 10
"""Annotations of one kind in one step; GitHub drops the rest without a word (actions/toolkit issue 734)."""
_COMMANDS: Final = {"error": "error", "warning": "warning", "note": "notice"}


def write(diagnostics: Sequence[Diagnostic], style: Style) -> str:
    """The worst findings as workflow commands, how many more there are, then all of them as `concise` has them."""
    shown: list[Diagnostic] = []
    for severity, rows in groupby(worst_first(diagnostics), key=lambda row: row.severity):
        # One notice is kept for the count.
        shown += list(rows)[: MOST - (severity == "note")]
    left = [row for row in diagnostics if not any(row is other for other in shown)]
    lines = [*map(_annotation, shown), *([_more(left)] if left else [])]
    return "".join(f"{line}\n" for line in lines) + write_concise(diagnostics, style)


def _annotation(row: Diagnostic) -> str:
    span = row.span
    places: dict[str, str | int] = {
        "file": visible(span.source.name).removeprefix("./"),
        "line": span.line,
        "col": span.column,
    }
    places |= {"endLine": span.end_line, "endColumn": span.end_column}
    if span.end_line != span.line:  # GitHub takes columns for one line only
        del places["col"], places["endColumn"]
    return _command(row.severity, f"llmspec ({row.code.id})", places, _words(row))


def _more(left: Sequence[Diagnostic]) -> str:
    text = f"{in_words(left)} more, which GitHub would not show here: see the log of this step"
    return _command("note", "llmspec", {}, text)


def _words(row: Diagnostic) -> str:
    notes = [f"note: {line}" for line in row.note.splitlines()]
    helps = [f"help: {line}" for line in row.help.splitlines()]
    return "\n".join([visible(said(row)), *map(visible, notes + helps)])


def _command(severity: str, title: str, places: dict[str, str | int], text: str) -> str:
    properties = {"title": title, **places}
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{_COMMANDS[severity]} {listed}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
