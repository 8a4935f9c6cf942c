"""Secrets never stand in a spec: what looks like one is refused before it is copied anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmspec.report.code import Code
from llmspec.report.report import Report
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
    """Say LS213 for every value that has the form of a secret; the value itself is not repeated."""
    for scalar in _scalars(document):
        for what, pattern in _LOOKS:
            if pattern.search(scalar.text):
                hint = "put it into a Secret and name that; and revoke it, it has been in a file"
                report.say(SECRET_IN_SPEC, scalar.span, what=what, help=hint)


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
