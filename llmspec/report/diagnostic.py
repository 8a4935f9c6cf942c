"""One finding: a code, its place, and the words; data only, rendered elsewhere."""

from __future__ import annotations

from msgspec import Struct

from llmspec.report.code import Code
from llmspec.report.place import Span


class Label(Struct, frozen=True):
    """A second place that explains the first."""

    span: Span
    text: str


class Diagnostic(Struct, frozen=True):
    """`environments` is empty when the finding holds whatever the environment."""

    code: Code
    message: str
    span: Span
    note: str = ""
    help: str = ""
    also: tuple[Label, ...] = ()
    environments: tuple[str, ...] = ()

    @property
    def severity(self) -> str:
        return self.code.severity

    @property
    def order(self) -> tuple[object, ...]:
        """Where it stands in a listing: by file, then by place, then by code."""
        return (self.span.source.name, self.span.line, self.span.column, self.code.id, self.message)
