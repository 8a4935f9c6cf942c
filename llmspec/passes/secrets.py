"""Secrets never stand in a spec: what looks like one is refused before it is copied anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from llmspec.report.code import Code
from llmspec.report.place import Source, Span
from llmspec.report.report import Failed, Report
from llmspec.syntax.node import Mapping, Node, Scalar, Sequence

SECRET_IN_SPEC = Code(
    "LS213", "secret-in-spec", "this looks like {what}",
    why="Whatever stands in a spec is in git, in every generated file, and in the logs of every pipeline. Secrets are "
    "named here and live in the cluster.",
)  # fmt: skip

# Formats that the issuers publish, so that no ordinary word is taken for a secret.
_LOOKS = (
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30,}")),
    ("an OpenAI or Anthropic key", re.compile(r"\bsk-(ant-|proj-)?[A-Za-z0-9_-]{20,}")),
    ("an AWS access key", re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("a GitHub token", re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})")),
    ("a GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    ("an NVIDIA key", re.compile(r"\bnvapi-[A-Za-z0-9_-]{40,}")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")),
    ("a password in a URL", re.compile(r"://[^/\s:@]+:[^/\s@]+@")),
)


def check_secrets(document: Node, report: Report) -> None:
    """Say LS213 for every value that has the form of a secret. Raises `Failed` if there is one: whatever else there is
    to say could repeat it.
    """
    found = [(each.span, what) for each in _scalars(document) for what, look in _LOOKS if look.search(each.text)]
    hidden = _hidden(document.span.source, [span for span, _ in found])
    for span, what in found:
        hint = "revoke it, for it has been in a file; put the new one into a Secret of the cluster"
        report.say(SECRET_IN_SPEC, replace(span, source=hidden), what=what, help=hint)
    if found:
        raise Failed(report)


def _hidden(source: Source, spans: list[Span]) -> Source:
    """The text with a `*` for every character of the secrets."""
    lines = [source.line(number) for number in range(1, source.text.count("\n") + 2)]
    for span in spans:
        for number in range(span.line, min(span.end_line, len(lines)) + 1):
            line = lines[number - 1]
            start = span.column - 1 if number == span.line else 0
            end = span.end_column - 1 if number == span.end_line else len(line)
            lines[number - 1] = f"{line[:start]}{'*' * (end - start)}{line[end:]}"
    return Source(source.name, "\n".join(lines)) if spans else source


def _scalars(node: Node) -> Iterator[Scalar]:
    stack = [node]
    while stack:
        each = stack.pop()
        if isinstance(each, Mapping):
            stack += [value for _, value in each.entries]
        elif isinstance(each, Sequence):
            stack += each.items
        else:
            yield each
