"""The nodes of a document: plain values, each with the span it was written at."""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct

from llmspec.report.place import Key, Path, Span

Value: TypeAlias = "str | int | float | bool | None"


class Scalar(Struct, frozen=True):
    """A value without parts. `text` is what was written, before YAML gave it a type."""

    value: Value
    text: str
    span: Span


class Sequence(Struct, frozen=True):
    items: tuple[Node, ...]
    span: Span


class Mapping(Struct, frozen=True):
    """`entries` are in the order of the text; keys are unique, see LS104."""

    entries: tuple[tuple[Scalar, Node], ...]
    span: Span

    def get(self, key: str) -> Node | None:
        return next((node for name, node in self.entries if name.value == key), None)

    def key(self, key: str) -> Scalar | None:
        return next((name for name, _ in self.entries if name.value == key), None)


Node: TypeAlias = "Scalar | Sequence | Mapping"


def item_name(node: Node) -> str | None:
    """The `name` of an item of a named list, if it has one."""
    name = node.get("name") if isinstance(node, Mapping) else None
    return name.value if isinstance(name, Scalar) and isinstance(name.value, str) else None


def child(node: Node, step: str | int) -> Node | None:
    """One step down: a mapping's value, a sequence's item by index or by its `name`; None where there is none."""
    if isinstance(node, Mapping):
        return node.get(str(step))
    if isinstance(node, Sequence):
        if isinstance(step, int):
            return node.items[step] if -len(node.items) <= step < len(node.items) else None
        return next((item for item in node.items if item_name(item) == step), None)
    return None


def locate(node: Node, path: Path) -> Span:
    """Where `path` is written.

    The last step, when it names a key, gives the key if it is a `Key` or the value is a mapping or a sequence (the
    whole of which is no tight place) and the value otherwise. Steps that are not in the text are skipped: what is
    missing is shown at what should hold it.
    """
    span = node.span
    for step in path:
        below = child(node, step)
        if below is None:
            continue
        key = node.key(str(step)) if isinstance(node, Mapping) else None
        span = key.span if key and isinstance(step, Key) else tight(below, key)
        node = below
    return span


def tight(node: Node, key: Scalar | None) -> Span:
    """A scalar's own span; for anything larger its key, its name, or its first line."""
    if isinstance(node, Scalar):
        return node.span if node.text else (key.span if key else node.span)
    if key is not None:
        return key.span
    name = node.get("name") if isinstance(node, Mapping) else None
    return name.span if name is not None else node.span


def plain(node: Node) -> Any:
    """The node as Python data, without places."""
    if isinstance(node, Mapping):
        return {str(key.value): plain(value) for key, value in node.entries}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value
