"""The form for programs: all of every finding. Its schema is docs/reference/diagnostics.schema.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmspec.report.diagnostic import Diagnostic, Label
from llmspec.report.place import Span
from llmspec.report.writers.dumped import dumped
from llmspec.report.writers.style import Style
from llmspec.report.writers.tally import count


def write(diagnostics: Sequence[Diagnostic], _style: Style) -> str:
    """An object of `diagnostics` and `summary`."""
    summary = {"errors": count(diagnostics, "error"), "warnings": count(diagnostics, "warning")}
    return dumped({"diagnostics": [_finding(row) for row in diagnostics], "summary": summary})


def _finding(row: Diagnostic) -> dict[str, Any]:
    return {
        "code": row.code.id,
        "name": row.code.name,
        "severity": row.severity,
        "message": row.message,
        **_place(row.span),
        "environment": ",".join(row.environments) or None,
        "environments": list(row.environments),
        "help": row.help or None,
        "note": row.note or None,
        "related": [_related(label) for label in row.also],
    }


def _related(label: Label) -> dict[str, Any]:
    return {"message": label.text, **_place(label.span)}


def _place(span: Span) -> dict[str, Any]:
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
