"""What an annotation admits, in a few words: `bool`, `int`, `literal`, `dataclass`, ..."""

from __future__ import annotations

import ast
from typing import Any

from source import Class, Module

PLAIN = {"bool", "int", "float", "str", "dict", "list", "tuple", "set", "Any", "None"}
GENERIC = {
    "Dict": "dict",
    "Mapping": "dict",
    "List": "list",
    "Sequence": "list",
    "Tuple": "tuple",
    "Set": "set",
    "Iterable": "list",
}
Hints = dict[str, list[Any]]


def hints(module: Module, node: ast.AST) -> Hints:
    """Kinds of values that an annotation admits; those of `literal` with their values, those of classes named."""
    if isinstance(node, ast.Constant):
        return hints(module, ast.parse(node.value, mode="eval").body) if isinstance(node.value, str) else {"None": []}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _joined(module, [node.left, node.right])
    if isinstance(node, ast.Subscript):
        return _subscript(module, node)
    if isinstance(node, ast.Name | ast.Attribute):
        return _named(module, ast.unparse(node), node)
    return {"other": []}


def _joined(module: Module, nodes: list[ast.expr]) -> Hints:
    found: Hints = {}
    for each in nodes:
        for kind, values in hints(module, each).items():
            found.setdefault(kind, []).extend(values)
    return found


def _subscript(module: Module, node: ast.Subscript) -> Hints:
    name = ast.unparse(node.value).rpartition(".")[2]
    inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        return {"literal": [value for each in inner for value in _literal(module, each)]}
    if name == "Optional":
        return {**hints(module, inner[0]), "None": []}
    if name == "Union":
        return _joined(module, inner)
    if name in {"Annotated", "Final", "ClassVar", "InitVar", "SkipValidation"}:
        return hints(module, inner[0])
    return _named(module, name, node.value)


def _literal(module: Module, node: ast.expr) -> list[Any]:
    if isinstance(node, ast.Name | ast.Subscript):
        return hints(module, node).get("literal", [])
    value = module.value(node)
    return [getattr(value, "value", value)]


def _named(module: Module, name: str, node: ast.AST) -> Hints:
    short = name.rpartition(".")[2]
    if name in PLAIN:
        return {name: []}
    if short in GENERIC:
        return {GENERIC[short]: []}
    found = module.expression(name) if isinstance(node, ast.Name) else None
    if found is None:
        return {"Any" if short == "Any" else "other": []}
    where, bound = found
    if not isinstance(bound, ast.ClassDef):
        return hints(where, bound)
    return {_kind(Class(where, bound)): [Class(where, bound)]}


def _kind(owner: Class) -> str:
    if owner.is_enum:
        return "numbered" if "IntEnum" in owner.bases else "enum"
    if "dict" in owner.bases:
        return "dict"
    return "dataclass" if {"dataclass", "config"} & set(owner.decorators) else "other"


def literals(module: Module, node: ast.AST) -> list[Any]:
    """Values of a `Literal`."""
    return hints(module, node).get("literal", [])
