"""Document to Spec: nodes read into the types of the language, every fault said at the node that has it."""

from __future__ import annotations

import math
import re
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta
from msgspec.structs import replace

from llmspec.part import Section, is_family, members
from llmspec.report.code import Code
from llmspec.report.nearest import did_you_mean
from llmspec.report.place import Span
from llmspec.report.report import Report
from llmspec.scalars import Measured, Text
from llmspec.syntax.node import Mapping, Node, Scalar, Sequence, item_name, tight

UNKNOWN_KEY = Code(
    "LS201", "unknown-key", "`{key}` is no key of {of}",
    why="A key that is not known would be ignored, and the setting that was meant would silently not hold. Keys that "
    "begin with `x-` are free for your own use.",
)  # fmt: skip
UNKNOWN_KIND = Code(
    "LS202", "unknown-kind", "unknown kind `{kind}`",
    why="`kind` picks one of the parts that are installed; a name that nobody enrolled cannot be compiled.",
)  # fmt: skip
WRONG_TYPE = Code(
    "LS203", "wrong-type", "`{key}` must be {expected}, not {found}",
    why="Values are taken as they are written; nothing is converted silently. A version like `1.10` is a number in "
    "YAML and would lose its last digit: it needs quotes.",
)  # fmt: skip
MISSING_KEY = Code(
    "LS204", "missing-key", "{of} needs `{key}`",
    why="The key has no default that would be right for everybody.",
)  # fmt: skip
NOT_ONE_OF = Code(
    "LS205", "unknown-value", "`{value}` is no value of `{key}`",
    why="The key takes one of a few words.",
)  # fmt: skip
OUT_OF_RANGE = Code(
    "LS206", "out-of-range", "`{key}` must be {expected}, not `{found}`",
    why="The value has the right type but lies outside what can work.",
)  # fmt: skip
SAME_NAME = Code(
    "LS207", "name-used-twice", "the name `{name}` is used twice",
    why="Other sections, environments and generated objects refer to an item by its name.",
)  # fmt: skip

S = TypeVar("S", bound=Section)
_BAD: Any = msgspec.UNSET
"""What a node is worth when a finding was said about it."""


def load(node: Mapping, model: type[S], report: Report, others: tuple[str, ...] = ()) -> S | None:
    """The typed spec, or None with all reasons in the report. `others` are keys beside the model's, which somebody else
    has read: a misspelt key may have meant one of them.
    """
    beginning = replace(node.span, end_line=node.span.line, end_column=node.span.column)
    loaded = _section(node, model, "", report, beginning, others)
    return None if loaded is _BAD else loaded


def _read(node: Node, type_: Any, key: str, report: Report, at: Span) -> Any:  # noqa: PLR0911 - a table as ifs
    """The value of `node` as `type_`; `key` names it in messages, `at` is its tight place."""
    origin = get_origin(type_)
    if isinstance(node, Scalar) and isinstance(node.value, float) and not math.isfinite(node.value):
        return _wrong(node, "a number that can be written down", key, report, at)
    if origin is Annotated:
        return _constrained(node, type_, key, report, at)
    if origin in (Union, UnionType):
        return _optional(node, type_, key, report, at)
    if origin is Literal:
        return _literal(node, get_args(type_), key, report, at)
    if origin is tuple:
        return _items(node, get_args(type_)[0], key, report, at)
    if origin is dict:
        return _table(node, get_args(type_), key, report, at)
    if is_family(type_):
        return _choice(node, type_, key, report, at)
    if isinstance(type_, type) and issubclass(type_, Section):
        return (
            _section(node, type_, key, report, at)
            if isinstance(node, Mapping)
            else _wrong(node, "a mapping", key, report, at)
        )
    return _scalar(node, type_, key, report, at)


def _constrained(node: Node, type_: Any, key: str, report: Report, at: Span) -> Any:
    base, *metas = get_args(type_)
    value = _read(node, base, key, report, at)
    if value is _BAD or value is None:
        return value
    for meta in metas:
        words = _broken(meta, value) if isinstance(meta, Meta) else ""
        if words:
            report.say(OUT_OF_RANGE, at, key=key, expected=words, found=_shown(node))
            return _BAD
    return value


def _broken(meta: Meta, value: Any) -> str:
    """In words what `value` should be, if it is not."""
    if meta.pattern is not None and not re.fullmatch(meta.pattern, value):
        return "one line of text without control characters"
    if meta.min_length is not None and len(value) < meta.min_length:
        return f"a list of at least {meta.min_length}"
    if meta.max_length is not None and len(value) > meta.max_length:
        return f"at most {meta.max_length} characters"
    low, above, high = meta.ge, meta.gt, meta.le
    # Written so that NaN, which compares false with everything, lies outside.
    is_within = (low is None or value >= low) and (above is None or value > above) and (high is None or value <= high)
    lower = f"at least {low}" if low is not None else f"above {above}"
    return "" if is_within else lower if high is None else f"{lower} and at most {high:,}"


def _optional(node: Node, type_: Any, key: str, report: Report, at: Span) -> Any:
    if isinstance(node, Scalar) and node.value is None:
        return None
    (inner,) = (each for each in get_args(type_) if each is not type(None))
    return _read(node, inner, key, report, at)


def _literal(node: Node, words: tuple[str, ...], key: str, report: Report, at: Span) -> Any:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return _wrong(node, "one of " + ", ".join(f"`{word}`" for word in words), key, report, at)
    if node.value not in words:
        report.say(NOT_ONE_OF, at, value=node.value, key=key, help=did_you_mean(node.value, words))
        return _BAD
    return node.value


def _items(node: Node, item: Any, key: str, report: Report, at: Span) -> Any:
    if not isinstance(node, Sequence):
        return _wrong(node, "a list", key, report, at)
    _unique_names(node, report)
    read = [_read(each, item, f"{key}[{index}]", report, tight(each, None)) for index, each in enumerate(node.items)]
    return _BAD if any(each is _BAD for each in read) else tuple(read)


def _unique_names(node: Sequence, report: Report) -> None:
    seen: dict[str, Span] = {}
    for item in node.items:
        name, span = item_name(item), tight(item, None)
        if name is not None and name in seen:
            report.say(SAME_NAME, span, name=name, also=[(seen[name], "first used here")], help="rename one of the two")
        elif name is not None:
            seen[name] = span


def _table(node: Node, types: tuple[Any, ...], key: str, report: Report, at: Span) -> Any:
    if not isinstance(node, Mapping):
        return _wrong(node, "a mapping", key, report, at)
    read = [
        (
            _read(name, types[0], key, report, name.span),
            _read(value, types[1], str(name.value), report, tight(value, name)),
        )
        for name, value in node.entries
    ]
    return _BAD if any(_BAD in pair for pair in read) else dict(sorted(read))


def _choice(node: Node, family: Any, key: str, report: Report, at: Span) -> Any:
    if not isinstance(node, Mapping):
        return _wrong(node, "a mapping with `kind`", key, report, at)
    known, kind = members(family), node.get("kind")
    if not isinstance(kind, Scalar):
        report.say(MISSING_KEY, at, of=f"`{key}`", key="kind", help=did_you_mean("", known))
        return _BAD
    if kind.value not in known:
        report.say(UNKNOWN_KIND, kind.span, kind=kind.text, help=did_you_mean(kind.text, known))
        return _BAD
    rest = Mapping(tuple(entry for entry in node.entries if entry[0].value != "kind"), node.span)
    return _section(rest, known[str(kind.value)], key, report, at)


@cache
def _fields(section: type[Section]) -> dict[str, Any]:
    """Fields by the key a user writes. A trailing underscore only keeps a name from being a word of Python."""
    return {field.encode_name.rstrip("_"): field for field in msgspec.structs.fields(section)}


def _section(
    node: Mapping, section: type[S], called: str, report: Report, at: Span, others: tuple[str, ...] = ()
) -> Any:
    fields = _fields(section)
    values: dict[str, Any] = {}
    for key, value in node.entries:
        name = str(key.value)
        if name in fields:
            values[fields[name].name] = _read(value, fields[name].type, name, report, tight(value, key))
        elif not name.startswith("x-"):
            hint = did_you_mean(name, (*fields, *others))
            report.say(UNKNOWN_KEY, key.span, key=name, of=_title(section, called), help=hint)
            values[name] = _BAD
    for name, field in fields.items():
        if field.name not in values and field.default is NODEFAULT and field.default_factory is NODEFAULT:
            report.say(MISSING_KEY, at, of=_title(section, called), key=name, help=_example(name, field.type))
            values[name] = _BAD
    return _BAD if any(value is _BAD for value in values.values()) else section(**values)


def _title(section: type[Section], key: str) -> str:
    """A section in the user's words: the part that was chosen, or else the key that it stands under."""
    kind = getattr(section, "kind", None)
    return f"`kind: {kind}`" if isinstance(kind, str) else f"`{key}`" if key else "this file"


def _example(name: str, type_: Any) -> str:
    while get_origin(type_) in (Annotated, Union, UnionType):
        type_ = get_args(type_)[0]
    example = getattr(type_, "example", None)
    return f"add `{name}: {example}`, for instance" if example else f"add `{name}:`"


def _scalar(node: Node, type_: Any, key: str, report: Report, at: Span) -> Any:
    if type_ is Any:
        return _free(node, key, report)
    value = node.value if isinstance(node, Scalar) else None
    if issubclass(type_, Measured):
        return _measured(node, type_, key, report, at)
    if issubclass(type_, str) and isinstance(value, str):
        return _text(node, type_, key, report, at) if issubclass(type_, Text) else value
    if type_ is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if type_ in (int, bool) and type(value) is type_:
        return value
    words = str(_WORDS.get(type_) or getattr(type_, "what", "text"))
    return _wrong(node, words, key, report, at, help=_quotes(node) if issubclass(type_, str) else "")


_WORDS = {int: "a whole number", float: "a number", bool: "`true` or `false`", str: "text"}


def _free(node: Node, key: str, report: Report) -> Any:
    """A value of any form. Mappings come in order of key: the order of writing has no meaning."""
    if isinstance(node, Mapping):
        rows = [(str(name.value), value, tight(value, name)) for name, value in node.entries]
        read = {name: _read(value, Any, name, report, at) for name, value, at in rows}
        return _BAD if any(value is _BAD for value in read.values()) else dict(sorted(read.items()))
    if isinstance(node, Sequence):
        items = [_read(each, Any, key, report, tight(each, None)) for each in node.items]
        return _BAD if any(each is _BAD for each in items) else items
    return node.value


def _measured(node: Node, type_: type[Measured], key: str, report: Report, at: Span) -> Any:
    is_text = isinstance(node, Scalar) and (
        isinstance(node.value, str) or (type_.bare and not isinstance(node.value, bool))
    )
    value = type_.of(node.text) if is_text and isinstance(node, Scalar) else None
    return _wrong(node, type_.what, key, report, at) if value is None else value


def _text(node: Any, type_: type[Text], key: str, report: Report, at: Span) -> Any:
    if re.fullmatch(type_.pattern, node.value):
        return type_(node.value)
    report.say(
        OUT_OF_RANGE, at, key=key, expected=type_.what, found=_shown(node), help=f"for instance `{type_.example}`"
    )
    return _BAD


def _wrong(node: Node, expected: str, key: str, report: Report, at: Span, help: str = "") -> Any:  # noqa: A002
    report.say(WRONG_TYPE, at, key=key, expected=expected, found=_kind_of(node), help=help)
    return _BAD


def _quotes(node: Node) -> str:
    is_unquoted = isinstance(node, Scalar) and node.value is not None
    return f'put it in quotes: `"{_shown(node)}"`' if is_unquoted else ""


def _shown(node: Node) -> str:
    text = node.text if isinstance(node, Scalar) else ""
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004


def _kind_of(node: Node) -> str:
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    if node.value is None:
        return "nothing"
    words = {bool: "the boolean", int: "the number", float: "the number", str: "the text"}
    return f"{words[type(node.value)]} `{_shown(node)}`"
