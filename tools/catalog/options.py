"""Options of a command line as rows of a table, from what `add_argument` is called with."""

from __future__ import annotations

from typing import Any

from hints import Hints, hints
from source import Class, Module, Opaque

Row = dict[str, Any]
TYPES = {
    "int": "integer",
    "float": "number",
    "str": "string",
    "bool": "any",
    "json.loads": "object",
    "json_list_type": "list",
    "parse_type(json.loads)": "object",
    "optional_type(json.loads)": "object",
    "nullable_str": "string",
    "optional_type(str)": "string",
    "optional_type(int)": "integer",
    "optional_type(float)": "number",
    "parse_reasoning_parser": "string",
}
# In the order that the engines look in.
KINDS = (
    ("dataclass", "object"),
    ("bool", "boolean"),
    ("literal", "literal"),
    ("tuple", "list"),
    ("list", "list"),
    ("set", "list"),
    ("int", "integer"),
    ("float", "number"),
    ("dict", "object"),
)
# Options whose integers may be written with a unit, or as a word.
UNITS = {"human_readable_int": "an integer, also with a unit: 8k is 8000"}
UNITS["human_readable_int_or_auto"] = f"{UNITS['human_readable_int']}; or auto"


def of_annotation(module: Module, node: Any, default: Any) -> Row:
    """What `add_argument` gets for a field of a configuration class."""
    found = hints(module, node)
    kind = next((name for hint, name in KINDS if hint in found), "string")
    if kind == "boolean" and set(found) == {"bool", "str", "None"}:
        kind = "any"
    is_mixed = kind == "object" and "dict" in found and bool({"str", "other", "enum"} & set(found))
    if is_mixed or (kind == "string" and "numbered" in found):
        kind = "any"
    made: Row = {"default": getattr(default, "value", default), "kind": kind}
    return made | _literal(found) if kind == "literal" else made


def _literal(found: Hints) -> Row:
    values = [value for value in found["literal"] if value is not None]
    kind = "integer" if all(isinstance(value, int) for value in values) else "string"
    return {"kind": kind, "choices": [] if "str" in found else values}


def row(given: Row) -> Row:
    """The row of an option, defaults left out."""
    kind = type_of(given)
    made: Row = {} if kind == "any" else {"type": kind}
    default = plain(given.get("default"))
    if default is not None and (kind, default) != ("flag", False):
        made["default"] = default
    if kind not in {"list", "boolean", "flag"} and (choices := _choices(given.get("choices"))):
        made["choices"] = choices
        if str(made.get("default", choices[0])) not in choices:
            del made["default"]
    if unit := UNITS.get(_written(given.get("type"))):
        made["note"] = unit
    return made


def _choices(values: Any) -> list[str]:
    """Choices as words, in order; none if one of them is not known."""
    if not isinstance(values, list | tuple | set) or any(isinstance(each, Opaque) for each in values):
        return []
    return sorted({str(each) for each in map(plain, values) if each is not None})


def type_of(given: Row) -> str:
    """The type of an option in the words of the tables."""
    action, nargs = _written(given.get("action")), given.get("nargs")
    if "BooleanOptional" in action:
        return "boolean"
    if action in {"store_true", "store_false", "version", "help"} or "StoreTrue" in action:
        return "flag"
    if action in {"append", "extend"} or nargs in {"+", "*"} or (isinstance(nargs, int) and nargs > 1):
        return "list"
    if nargs == "?":
        return "any"
    wanted = given.get("type")
    if wanted is not None and given.get("kind") != "list":
        return TYPES.get(_written(wanted), "any" if _written(wanted) in UNITS else given.get("kind", "any"))
    return given.get("kind", "string")


def _written(value: Any) -> str:
    if isinstance(value, Opaque):
        return value.text
    node = getattr(value, "node", None)
    return getattr(node, "name", "") or (value if isinstance(value, str) else "")


def plain(value: Any) -> Any:
    """A value that JSON has; None for others, and for what is only partly known."""
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(each) for each in value] if all(plain(each) is not None for each in value) else None
    if isinstance(value, dict):
        return value if all(isinstance(key, str) and plain(each) is not None for key, each in value.items()) else None
    return None


def fields(owner: Class) -> dict[str, tuple[Module, Any]]:
    """Annotations of the fields of a configuration class, those of its parents first."""
    import ast  # noqa: PLC0415

    found: dict[str, tuple[Module, Any]] = {}
    for parent in owner.parents():
        found |= fields(parent)
    for node in owner.node.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = (owner.module, node.annotation)
    return found
