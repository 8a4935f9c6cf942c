"""The form for grep and for editors: one line a finding."""

from __future__ import annotations

from collections.abc import Sequence

from llmspec.report.diagnostic import Diagnostic
from llmspec.report.writers.frame import place
from llmspec.report.writers.style import Style
from llmspec.report.writers.tally import said
from llmspec.report.writers.visible import joined, visible


def write(diagnostics: Sequence[Diagnostic], style: Style) -> str:
    """``llm.yaml:4:9: error[LS202] unknown kind `qdrnt` (production) - did you mean `qdrant`?``."""
    return "".join(f"{_line(row, style)}\n" for row in diagnostics)


def _line(row: Diagnostic, style: Style) -> str:
    where = place(row.span)
    # A file may be named like a command of GitHub's log, which is one only where a line begins.
    where = f"./{where}" if where.lstrip().startswith("::") else where
    help_ = f" - {joined(row.help)}" if row.help.strip() else ""
    head = f"{style.ink('strong', f'{where}:')} {style.ink(row.severity, f'{row.severity}[{row.code.id}]')}"
    return f"{head} {visible(said(row))}{help_}"
