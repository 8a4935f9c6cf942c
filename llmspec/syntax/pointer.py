"""The JSON pointer of what stands on a line of a YAML or JSON file."""

from __future__ import annotations

from collections.abc import Iterator

from llmspec.report.place import Source
from llmspec.report.report import Report
from llmspec.syntax.node import Mapping, Node, Sequence
from llmspec.syntax.parse import parse


def pointer_at(name: str, text: str, line: int) -> str:
    """RFC 6901 pointer of the deepest value whose key or text begins on `line` or goes over it; "" for any other file
    than YAML and JSON, and for lines of none."""
    if not name.endswith((".yaml", ".yml", ".json")):
        return ""
    source = Source(name, text)
    node = parse(source, Report(source))
    return max(_over(node, "", line), key=len, default="") if node else ""


def _over(node: Node, pointer: str, line: int) -> Iterator[str]:
    if isinstance(node, Mapping):
        children: list[tuple[str, int, Node]] = [(str(key.value), key.span.line, value) for key, value in node.entries]
    elif isinstance(node, Sequence):
        children = [(str(index), item.span.line, item) for index, item in enumerate(node.items)]
    else:
        return
    for position, (step, start, value) in enumerate(children):
        following = children[position + 1][1] if position + 1 < len(children) else node.span.end_line + 1
        if start <= line and (line < following or line <= start):
            below = f"{pointer}/{step.replace('~', '~0').replace('/', '~1')}"
            yield below
            yield from _over(value, below, line)
