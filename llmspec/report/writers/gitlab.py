"""The form for GitLab's Code Quality report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from llmspec.report.diagnostic import Diagnostic
from llmspec.report.writers.dumped import dumped
from llmspec.report.writers.fingerprint import fingerprints
from llmspec.report.writers.style import Style
from llmspec.report.writers.tally import said

_SEVERITIES: Final = {"error": "major", "warning": "minor", "note": "info"}


def write(diagnostics: Sequence[Diagnostic], _style: Style) -> str:
    """An array of issues."""
    return dumped([_issue(row, mark) for row, mark in zip(diagnostics, fingerprints(diagnostics), strict=True)])


def _issue(row: Diagnostic, fingerprint: str) -> dict[str, Any]:
    return {
        "description": _description(row),
        "check_name": row.code.id,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[row.severity],
        "location": {
            # GitLab compares the path with those of the diff, which have no leading `./`.
            "path": row.span.source.name.removeprefix("./"),
            "positions": {
                "begin": {"line": row.span.line, "column": row.span.column},
                "end": {"line": row.span.end_line, "column": row.span.end_column},
            },
        },
    }


def _description(row: Diagnostic) -> str:
    return f"{row.code.id}: {said(row)}" + (f" - {row.help}" if row.help else "")
