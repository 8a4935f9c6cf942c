"""Document to environments: overlays merged into the base, each value keeping the place where it was said."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from llmspec.report.code import Code
from llmspec.report.nearest import did_you_mean
from llmspec.report.report import Report
from llmspec.syntax.node import Mapping, Node, Scalar, Sequence, item_name, tight

LONGEST = 63
"""Characters of an environment's name, which is a Kubernetes label value."""
DEFAULT = "default"
"""Name of the only environment of a spec that declares none."""

NOTHING_TO_UNSET = Code(
    "LS208", "unset-of-nothing", "the base has no `{name}` to unset",
    why="`$unset: true` removes what the base says. Where the base says nothing, the line has no effect: most likely "
    "the key or the name is misspelt.",
)  # fmt: skip
UNNAMED_ITEM = Code(
    "LS209", "unnamed-overlay-item", "this item has no `name` to merge by",
    why="Lists of named items are merged by name. An item without one could only be appended or replace the list, and "
    "which of the two was meant cannot be seen.",
)  # fmt: skip
NOT_A_MAPPING = Code(
    "LS210", "not-a-mapping", "{what} must be a mapping",
    why="The top of a spec, `environments`, and each environment map keys to values.",
)  # fmt: skip
BAD_UNSET = Code(
    "LS211", "unset-takes-true", "`$unset` stands alone and takes `true`",
    why="`$unset: true` is the one way to delete what the base says. Beside other keys, or with another value, it "
    "would be ambiguous.",
)  # fmt: skip
BAD_ENVIRONMENT = Code(
    "LS212", "environment-name", "`{name}` cannot name an environment",
    why="An environment's name becomes a folder and a label: lower-case letters, digits and `-`, at most 63.",
)  # fmt: skip


class Layer(Struct, frozen=True):
    """One environment's document."""

    environment: str
    node: Mapping


def split(document: Node, report: Report) -> tuple[Layer, ...]:
    """The environments in order of name; one called `default` if none is declared."""
    if not isinstance(document, Mapping):
        report.say(NOT_A_MAPPING, document.span, what="the document", help="begin with `apiVersion:` and `kind:`")
        return ()
    entries = (entry for entry in document.entries if not str(entry[0].value).startswith("x-"))
    base = Mapping(tuple(entry for entry in entries if entry[0].value != "environments"), document.span)
    declared = document.get("environments")
    if declared is None or (isinstance(declared, Scalar) and declared.value is None):
        return (Layer(DEFAULT, base),)
    return tuple(_layers(base, declared, report))


def _layers(base: Mapping, declared: Node, report: Report) -> Iterator[Layer]:
    if not isinstance(declared, Mapping):
        report.say(NOT_A_MAPPING, declared.span, what="`environments`", help="write each as a key, `staging: {}`")
        return
    for key, overlay in sorted(declared.entries, key=lambda entry: str(entry[0].value)):
        name = str(key.value)
        if not _is_label(name):
            report.say(BAD_ENVIRONMENT, key.span, name=name, help="write it like `staging` or `prod-eu`")
        elif isinstance(overlay, Mapping):
            yield Layer(name, _merge_mappings(base, overlay, report))
        elif isinstance(overlay, Scalar) and overlay.value is None:
            yield Layer(name, base)
        else:
            report.say(NOT_A_MAPPING, overlay.span, what=f"`{name}`", help="write what differs as keys, or nothing")


def _is_label(name: str) -> bool:
    plain = name.replace("-", "")
    return (
        0 < len(name) <= LONGEST
        and plain.isascii()
        and plain.isalnum()
        and name == name.lower()
        and name[0].isalpha()
        and name[-1] != "-"
    )


def merge(base: Node, overlay: Node, report: Report) -> Node:
    """`overlay` over `base`: mappings merge, named lists merge by name, everything else is replaced.

    A mapping whose `kind` differs from the base's replaces it: the base's keys belong to another choice.
    """
    if isinstance(base, Mapping) and isinstance(overlay, Mapping):
        return overlay if _other_kind(base, overlay) else _merge_mappings(base, overlay, report)
    if isinstance(base, Sequence) and isinstance(overlay, Sequence) and _is_named(base):
        return _merge_named(base, overlay, report)
    says_the_same = isinstance(base, Scalar) and isinstance(overlay, Scalar) and base.value == overlay.value
    return base if says_the_same else overlay


def _other_kind(base: Mapping, overlay: Mapping) -> bool:
    one, other = base.get("kind"), overlay.get("kind")
    return isinstance(one, Scalar) and isinstance(other, Scalar) and one.value != other.value


def _is_named(sequence: Sequence) -> bool:
    return bool(sequence.items) and all(item_name(item) is not None for item in sequence.items)


def _merge_mappings(base: Mapping, overlay: Mapping, report: Report) -> Mapping:
    merged = {str(key.value): (key, node) for key, node in base.entries}
    for key, node in overlay.entries:
        name = str(key.value)
        if name.startswith("x-"):
            continue
        known = merged.get(name)
        if _unsets(node, report):
            if merged.pop(name, None) is None:
                report.say(NOTHING_TO_UNSET, key.span, name=name, help=did_you_mean(name, merged))
        else:
            merged[name] = (known[0], merge(known[1], node, report)) if known else (key, node)
    return Mapping(tuple(merged.values()), base.span)


def _merge_named(base: Sequence, overlay: Sequence, report: Report) -> Sequence:
    merged: dict[str, Node] = {item_name(item) or "": item for item in base.items}
    for item in overlay.items:
        name = item_name(item)
        if name is None:
            names = ", ".join(f"`{known}`" for known in merged)
            report.say(UNNAMED_ITEM, item.span, help=f"give it a `name`; the base has {names}")
        elif isinstance(item, Mapping) and _unsets(_without_name(item), report):
            if merged.pop(name, None) is None:
                report.say(NOTHING_TO_UNSET, tight(item, None), name=name, help=did_you_mean(name, merged))
        else:
            merged[name] = merge(merged[name], item, report) if name in merged else item
    return Sequence(tuple(merged.values()), base.span)


def _without_name(item: Mapping) -> Mapping:
    return Mapping(tuple(entry for entry in item.entries if entry[0].value != "name"), item.span)


def _unsets(node: Node, report: Report) -> bool:
    key = node.key("$unset") if isinstance(node, Mapping) else None
    if key is None or not isinstance(node, Mapping):
        return False
    value = node.get("$unset")
    if len(node.entries) > 1 or not isinstance(value, Scalar) or value.value is not True:
        report.say(BAD_UNSET, key.span, help="write `$unset: true` alone")
    return True
