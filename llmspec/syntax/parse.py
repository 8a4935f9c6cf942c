"""Text to nodes: events of the YAML parser, folded without recursion and with limits, so no text can harm us."""

from __future__ import annotations

import re
from typing import Any

from llmspec.report.code import Code
from llmspec.report.place import Source, Span, top
from llmspec.report.report import Report
from llmspec.syntax.node import Mapping, Node, Scalar, Sequence, Value

LARGEST = 1024 * 1024
"""Bytes of one document. Kubernetes' own limit for an object is of this size; a spec is far below it."""
DEEPEST = 60
"""Levels of nesting."""
MOST_NODES = 100_000
"""Values of one document, each use of an alias counted with all it stands for."""

NOT_YAML = Code(
    "LS101", "not-yaml", "this is not YAML: {problem}",
    why="The file cannot be read as YAML 1.2, so nothing in it can be checked.",
)  # fmt: skip
EMPTY = Code(
    "LS102", "empty-document", "there is nothing in this file",
    why="A spec is a mapping; an empty file, or one of comments alone, describes no service.",
)  # fmt: skip
NOT_TEXT = Code(
    "LS103", "not-utf-8", "this file is not UTF-8 text: {problem}",
    why="Every file of a spec is UTF-8 text. Another encoding, or a binary file, cannot be shown or compared.",
)  # fmt: skip
DUPLICATE_KEY = Code(
    "LS104", "duplicate-key", "the key `{key}` is written twice",
    why="YAML keeps one of the two silently, and readers disagree on which. Only one can be meant.",
)  # fmt: skip
TOO_LARGE = Code(
    "LS105", "document-too-large", "this document has more than {limit}",
    why="Size, depth and the number of values are limited, so that a hostile file (an alias that multiplies itself, a "
    "thousand nested lists) costs nothing.",
)  # fmt: skip
NOT_A_NAME = Code(
    "LS106", "key-not-a-string", "a key must be text, not {what}",
    why="Keys are names of settings. YAML also allows numbers, lists and mappings as keys; none has a meaning here.",
)  # fmt: skip
MANY_DOCUMENTS = Code(
    "LS107", "several-documents", "a second YAML document begins here",
    why="One file describes one thing. What stands after a `---` line would be ignored.",
)  # fmt: skip
FOREIGN_TAG = Code(
    "LS108", "yaml-tag", "the YAML tag `{tag}` has no meaning here",
    why="Tags make readers build other types, or run code. A spec has plain values only.",
)  # fmt: skip
UNREADABLE = Code(
    "LS109", "unreadable-file", "this file cannot be read: {problem}",
    why="The file is missing, is a directory, leads out of the project through a symbolic link, or may not be read.",
)  # fmt: skip

# YAML 1.2 core schema, section 10.3.2 of the specification.
_CORE: tuple[tuple[re.Pattern[str], Any], ...] = (
    (re.compile(r"~|null|Null|NULL|"), lambda _: None),
    (re.compile(r"true|True|TRUE"), lambda _: True),
    (re.compile(r"false|False|FALSE"), lambda _: False),
    (re.compile(r"[-+]?[0-9]{1,400}"), int),
    (re.compile(r"0o[0-7]{1,400}"), lambda text: int(text, 0)),
    (re.compile(r"0x[0-9a-fA-F]{1,400}"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(nan|NaN|NAN)"), lambda _: float("nan")),
)

# libyaml's words, and those of ruamel.yaml's own parser where they differ.
_HINTS = (
    (
        "mapping values are not allowed",
        "put a value that contains `: ` in quotes, and begin all keys of a mapping at one column",
    ),
    ("cannot start any token", "put the value in quotes"),
    ("expected ','", "close what is open: `{` with `}`, `[` with `]`"),
    ("expected key", "begin all keys of a mapping at one column"),
    ("expected <block end>", "begin all keys of a mapping at one column"),
    ("unexpected end of stream", "close the quotes"),
)


def decode(name: str, data: bytes, report: Report) -> Source | None:
    """Bytes to text, or a finding and None."""
    if len(data) > LARGEST:
        hint = "a spec is some pages long: is this the file that was meant?"
        report.say(TOO_LARGE, top(Source(name, "")), limit=f"{LARGEST:,} bytes", help=hint)
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem, at = f"it has the byte 0x{data[error.start]:02x} here", _place_of_byte(name, data, error.start)
        report.say(NOT_TEXT, at, problem=problem, help="save it as UTF-8")
        return None
    return Source(name, text)


def _place_of_byte(name: str, data: bytes, offset: int) -> Span:
    before = data[:offset].decode("utf-8", "replace")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return Span(Source(name, data.decode("utf-8", "replace")), line, column, line, column + 1)


def parse(source: Source, report: Report) -> Node | None:
    """The document's nodes, or None with the reasons in the report."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - 24 ms that reading nothing should not cost
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    fold = _Fold(source, report)
    try:
        for event in YAML(typ="safe").parse(source.text):
            if not fold.take(event):
                return None
    except YAMLError as error:
        at, also = _place_of(source, error), _beginning_of(source, error)
        report.say(NOT_YAML, at, problem=_words_of(error), also=also, help=_hint_of(source.line(at.line), error))
        return None
    if fold.root is None:
        report.say(EMPTY, top(source), help="start with `apiVersion:` and `kind:`")
    return fold.root


class _Open:
    """A collection whose end has not been seen."""

    def __init__(self, event: Any, *, is_mapping: bool) -> None:
        self.event, self.is_mapping = event, is_mapping
        self.children: list[Node] = []
        self.weight = 1


class _Fold:
    """Folds a stream of parser events into nodes, on a stack of its own: depth costs no recursion."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source, self.report = source, report
        self.root: Node | None = None
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.documents = 0
        self.weight = 0

    def take(self, event: Any) -> bool:
        """Fold one event in; False when a limit is passed, with the finding said."""
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            return self._start_document(event)
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._untagged(event)
            self.stack.append(_Open(event, is_mapping=kind == "MappingStartEvent"))
            return len(self.stack) <= DEEPEST or self._too_much(event, f"{DEEPEST} levels")
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            opened = self.stack.pop()
            return self._add(self._close(opened, event), opened.weight, opened.event)
        if kind == "ScalarEvent":
            return self._add(self._scalar(event), 1, event)
        return self._alias(event) if kind == "AliasEvent" else True

    def _start_document(self, event: Any) -> bool:
        self.documents += 1
        if self.documents > 1:
            self.report.say(MANY_DOCUMENTS, self._span(event), help="put it into a file of its own")
        return self.documents == 1

    def _alias(self, event: Any) -> bool:
        if event.anchor not in self.anchors:
            self.report.say(NOT_YAML, self._span(event), problem=f"the alias `*{event.anchor}` has no anchor before it")
            return False
        node, weight = self.anchors[event.anchor]
        return self._add(node, weight, event)

    def _add(self, node: Node, weight: int, event: Any) -> bool:
        self.weight += weight if type(event).__name__ == "AliasEvent" else 1
        if getattr(event, "anchor", None) and type(event).__name__ != "AliasEvent":
            self.anchors[event.anchor] = (node, weight)
        if self.stack:
            self.stack[-1].children.append(node)
            self.stack[-1].weight += weight
        else:
            self.root = None if isinstance(node, Scalar) and node.value is None else node
        return self.weight <= MOST_NODES or self._too_much(event, f"{MOST_NODES:,} values")

    def _too_much(self, event: Any, limit: str) -> bool:
        hint = "an alias counts as all that its anchor holds" if type(event).__name__ == "AliasEvent" else ""
        self.report.say(TOO_LARGE, self._span(event), limit=limit, help=hint)
        return False

    def _close(self, opened: _Open, end: Any) -> Node:
        span = self._span(opened.event, end)
        if not opened.is_mapping:
            return Sequence(tuple(opened.children), span)
        pairs = zip(opened.children[::2], opened.children[1::2], strict=True)
        return Mapping(tuple(self._entries(pairs)), span)

    def _entries(self, pairs: Any) -> Any:
        seen: dict[Value, Scalar] = {}
        for key, value in pairs:
            if not isinstance(key, Scalar) or not isinstance(key.value, str):
                what = f"`{key.text}`" if isinstance(key, Scalar) else "a list or a mapping"
                hint = f'write it in quotes: `"{key.text}"`' if isinstance(key, Scalar) else "write it in quotes"
                self.report.say(NOT_A_NAME, key.span, what=what, help=hint)
            elif key.value in seen:
                first = (seen[key.value].span, "first written here")
                self.report.say(DUPLICATE_KEY, key.span, key=key.value, also=[first], help="remove one of the two")
            else:
                seen[key.value] = key
                yield key, value

    def _scalar(self, event: Any) -> Scalar:
        tagged = self._untagged(event)
        value = event.value if event.style or tagged else _typed(event.value)
        return Scalar(value, event.value, self._span(event))

    def _untagged(self, event: Any) -> bool:
        """Say LS108 for a tag other than YAML's own string; True if the value was tagged at all."""
        tag = str(getattr(event, "tag", None) or "")
        if not tag or tag == "None":
            return False
        if tag not in ("!", "tag:yaml.org,2002:str"):
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self.report.say(FOREIGN_TAG, self._span(event), tag=shown, help="remove it, and write the value itself")
        return tag != ""

    def _span(self, event: Any, end: Any = None) -> Span:
        start, stop = event.start_mark, (end or event).end_mark
        return Span(self.source, start.line + 1, start.column + 1, stop.line + 1, stop.column + 1)


def _typed(text: str) -> Value:
    """A plain scalar's value by the YAML 1.2 core schema."""
    for pattern, make in _CORE:
        if pattern.fullmatch(text):
            value: Value = make(text)
            return value
    return text


def _place_of(source: Source, error: Exception) -> Span:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else _of_message(str(error))
    return Span(source, line, column, line, column + 1)


def _of_message(text: str) -> tuple[int, int]:
    found = re.search(r"line (\d+), column (\d+)", text)
    return (int(found[1]), int(found[2])) if found else (1, 1)


def _beginning_of(source: Source, error: Exception) -> tuple[tuple[Span, str], ...]:
    """Where what the parser was in the middle of begins, if that is another line."""
    mark, end = getattr(error, "context_mark", None), getattr(error, "problem_mark", None)
    words = str(getattr(error, "context", "")).removeprefix("while parsing ").removeprefix("while scanning ")
    if mark is None or end is None or mark.line == end.line or "plain scalar" in words:
        return ()
    return ((Span(source, mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2), f"{words} begins here"),)


def _words_of(error: Exception) -> str:
    return str(getattr(error, "problem", None) or str(error).splitlines()[0])


def _hint_of(line: str, error: Exception) -> str:
    """What most often makes a parser say so."""
    if line.lstrip(" ").startswith("\t"):
        return "indent with spaces: YAML forbids tabs there"
    return next((hint for words, hint in _HINTS if words in _words_of(error)), "")
