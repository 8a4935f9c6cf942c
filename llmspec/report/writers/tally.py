"""Findings in words and numbers: what one says, how many there are, which are the worst."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from llmspec.report.diagnostic import Diagnostic

SEVERITIES: Final = ("error", "warning", "note")
"""From the worst down."""


def count(diagnostics: Sequence[Diagnostic], severity: str) -> int:
    return sum(row.severity == severity for row in diagnostics)


def in_words(diagnostics: Sequence[Diagnostic]) -> str:
    """`3 errors and 1 warning`."""
    counts = ((count(diagnostics, severity), severity) for severity in SEVERITIES)
    return " and ".join(f"{number} {name}{'s' * (number != 1)}" for number, name in counts if number)


def worst_first(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """By severity; in their old order where that is equal."""
    return sorted(diagnostics, key=lambda row: SEVERITIES.index(row.severity))


def said(row: Diagnostic) -> str:
    """The message, and the environments it is tied to."""
    return f"{row.message} ({', '.join(row.environments)})" if row.environments else row.message
