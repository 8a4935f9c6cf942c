"""Findings to write about, and a reader of what a terminal would show."""

import unicodedata

from llmspec.report.code import CODES, Code
from llmspec.report.diagnostic import Diagnostic, Label
from llmspec.report.place import Source, Span


def code(*args, **more):
    """A code that is not enrolled: other tests go through all that are."""
    made = Code(*args, **more)
    del CODES[made.id]
    return made


WHY = "`kind` picks one of the parts that are installed."
UNKNOWN = code("LS298", "unknown-kind", "unknown kind `{kind}`", why=WHY)
RISKY = code("LS498", "risky-thing", "this is risky", why="It is.", severity="warning")
ASIDE = code("LS499", "an-aside", "by the way", why="It is.", severity="note")

TEXT = """\
apiVersion: llmspec.dev/v1alpha1
rag:
  store:
    kind: qdrnt
    replicas: 3
  top: 4
"""


def span(source, line, column, end_column, end_line=None):
    return Span(source, line, column, end_line or line, end_column)


def at(text, word, name="llm.yaml"):
    """The span of the first `word` in `text`."""
    before = text[: text.index(word)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return span(Source(name, text), line, column, column + len(word))


def finding(text=TEXT, word="qdrnt", name="llm.yaml", kind=UNKNOWN, message="unknown kind `qdrnt`", **more):
    return Diagnostic(kind, message, at(text, word, name), **more)


def label(text, word, words, name="llm.yaml"):
    return Label(at(text, word, name), words)


def columns(shown):
    """The columns of a terminal that `shown` takes: an oracle of its own, simpler than what it judges."""
    return sum(
        0 if unicodedata.category(char) in ("Mn", "Me") or 0x1160 <= ord(char) < 0x1200
        else 2 if unicodedata.east_asian_width(char) in ("W", "F")
        else 1
        for char in shown
    )  # fmt: skip
