"""The form for code scanning: SARIF 2.1.0, one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from llmspec.report.code import Code
from llmspec.report.diagnostic import Diagnostic, Label
from llmspec.report.place import Span
from llmspec.report.writers.dumped import dumped
from llmspec.report.writers.fingerprint import fingerprints
from llmspec.report.writers.style import Style
from llmspec.report.writers.tally import in_words, said, worst_first
from llmspec.report.writers.visible import encodable

MOST: Final = 5000
"""Results; GitHub shows the first 5,000 of a run and refuses files of more than 25,000."""
SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# RFC 3986, unreserved characters and the slash; a colon in the first segment would read as a scheme.
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


def write(diagnostics: Sequence[Diagnostic], _style: Style) -> str:
    """A log of one run. Of more than `MOST` findings the worst are kept, and the run says so."""
    kept = worst_first(diagnostics)[:MOST] if len(diagnostics) > MOST else diagnostics
    codes = sorted({row.code.id: row.code for row in kept}.items())
    index = {number: position for position, (number, _) in enumerate(codes)}
    run = {
        "tool": {"driver": {"name": "llmspec", "rules": [_rule(code) for _, code in codes]}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(diagnostics, len(kept))],
        "results": [_result(row, index, mark) for row, mark in zip(kept, fingerprints(kept), strict=True)],
    }
    return dumped({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _invocation(diagnostics: Sequence[Diagnostic], kept: int) -> dict[str, Any]:
    if kept == len(diagnostics):
        return {"executionSuccessful": True}
    text = f"found {in_words(diagnostics)}; only the {kept} worst are in this file"
    return {
        "executionSuccessful": True,
        "toolExecutionNotifications": [{"level": "warning", "message": {"text": text}}],
    }


def _rule(code: Code) -> dict[str, Any]:
    return {
        "id": code.id,
        "name": code.name,
        "shortDescription": {"text": code.name.replace("-", " ")},
        "fullDescription": {"text": code.why},
        "help": {"text": f"{code.why}\n\nllmspec explain {code.id}"},
        "defaultConfiguration": {"level": code.severity},
    }


def _result(row: Diagnostic, index: dict[str, int], fingerprint: str) -> dict[str, Any]:
    words = [said(row), *(f"{name}: {text}" for name, text in (("note", row.note), ("help", row.help)) if text)]
    result: dict[str, Any] = {
        "ruleId": row.code.id,
        "ruleIndex": index[row.code.id],
        "level": row.severity,
        "message": {"text": "\n".join(words)},
        "locations": [{"physicalLocation": _location(row.span)}],
        "partialFingerprints": {"llmspec/v1": fingerprint},
    }
    if row.also:
        result["relatedLocations"] = [_related(number, label) for number, label in enumerate(row.also)]
    if row.environments:
        result["properties"] = {"environments": list(row.environments)}
    return result


def _related(number: int, label: Label) -> dict[str, Any]:
    return {"id": number, "message": {"text": label.text}, "physicalLocation": _location(label.span)}


def _location(span: Span) -> dict[str, Any]:
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    return {"artifactLocation": {"uri": _uri(span.source.name)}, "region": region}


def _uri(name: str) -> str:
    data = encodable(name).replace("\\", "/").removeprefix("./").encode()
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in data)
