"""An identity for a finding that outlives edits elsewhere in its file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256

from llmspec.report.diagnostic import Diagnostic
from llmspec.report.writers.visible import encodable


def fingerprints(diagnostics: Iterable[Diagnostic]) -> Iterator[str]:
    """One for each: SHA-256 of code, file and message, and of how many equal ones came before. Not of the line."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for row in diagnostics:
        key = (row.code.id, encodable(row.span.source.name), encodable(row.message))
        yield sha256("\0".join((*key, str(seen[key]))).encode()).hexdigest()
        seen[key] += 1
