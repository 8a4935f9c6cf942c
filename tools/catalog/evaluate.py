"""Values of the expressions that option tables are written in."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from hints import literals
from source import Class, Function, Member, Module, Opaque

OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.BitOr: operator.or_,
}
CALLS: dict[str, Callable[..., Any]] = {
    "list": list,
    "sorted": sorted,
    "tuple": tuple,
    "set": lambda values=(): sorted(set(values)),
    "dict": dict,
    "int": int,
    "float": float,
    "len": len,
    "str": str,
}
METHODS = {"replace", "keys", "values", "items", "pop", "get", "copy", "lower", "upper", "removeprefix", "join"}


def evaluate(module: Module, node: ast.AST, names: dict[str, Any]) -> Any:
    """Value of an expression of a module, `Opaque` where it is not worked out. `names` are local ones."""
    method = READERS.get(type(node))
    return method(module, node, names) if method else Opaque(ast.unparse(node))


def _constant(_module: Module, node: ast.Constant, _names: dict[str, Any]) -> Any:
    return node.value


def _name(module: Module, node: ast.Name, names: dict[str, Any]) -> Any:
    return names[node.id] if node.id in names else module.find(node.id)


def _sequence(module: Module, node: ast.List | ast.Tuple | ast.Set, names: dict[str, Any]) -> Any:
    found: list[Any] = []
    for each in node.elts:
        if isinstance(each, ast.Starred):
            inner = evaluate(module, each.value, names)
            found.extend(items(inner) or [])
        else:
            found.append(evaluate(module, each, names))
    return found


def _dict(module: Module, node: ast.Dict, names: dict[str, Any]) -> Any:
    found: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        inner = evaluate(module, value, names)
        if key is not None:
            found[_key(evaluate(module, key, names))] = inner
        elif isinstance(inner, dict):
            found |= inner
    return found


def _key(value: Any) -> Any:
    return value if isinstance(value, str | int | float | Member) else repr(value)


def _attribute(module: Module, node: ast.Attribute, names: dict[str, Any]) -> Any:
    inner = evaluate(module, node.value, names)
    if isinstance(inner, Module):
        return inner.find(node.attr)
    if isinstance(inner, Member) and node.attr in {"name", "value"}:
        return getattr(inner, node.attr)
    if isinstance(inner, Class):
        return _of_class(inner, node.attr)
    return Opaque(ast.unparse(node))


def _of_class(owner: Class, name: str) -> Any:
    if owner.is_enum:
        return next((each for each in owner.members() if each.name == name), Opaque(name))
    found = owner.assigned().get(name)
    return default(owner, found) if found is not None else Opaque(f"{owner.node.name}.{name}")


def default(owner: Class, node: ast.expr) -> Any:
    """Default of a field of a dataclass, through `field` and `Field`."""
    names = LocalNames(owner)
    if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2].lower() != "field":
        return evaluate(owner.module, node, names)
    words = {each.arg: each.value for each in node.keywords}
    if "default" in words or node.args:
        return evaluate(owner.module, words.get("default") or node.args[0], names)
    made = words.get("default_factory")
    if isinstance(made, ast.Lambda):
        return evaluate(owner.module, made.body, names)
    empty: dict[str, Any] = {"list": [], "dict": {}}
    return empty.get(ast.unparse(made), Opaque(ast.unparse(node))) if made else Opaque(ast.unparse(node))


class LocalNames(dict[str, Any]):
    """Names in the body of a class, worked out when they are used."""

    def __init__(self, owner: Class) -> None:
        super().__init__()
        self.owner, self.nodes = owner, dict(owner.assigned())

    def __contains__(self, name: object) -> bool:
        return name in self.nodes

    def __getitem__(self, name: str) -> Any:
        return default(self.owner, self.nodes.pop(name))


def _subscript(module: Module, node: ast.Subscript, names: dict[str, Any]) -> Any:
    inner, key = evaluate(module, node.value, names), evaluate(module, node.slice, names)
    if isinstance(inner, Class) and inner.is_enum:
        return _of_class(inner, str(key))
    try:
        return inner[key]
    except (TypeError, KeyError, IndexError):
        return Opaque(ast.unparse(node))


def _operation(module: Module, node: ast.BinOp, names: dict[str, Any]) -> Any:
    work = OPERATORS.get(type(node.op))
    sides = evaluate(module, node.left, names), evaluate(module, node.right, names)
    try:
        return work(*sides) if work else Opaque(ast.unparse(node))
    except TypeError:
        return Opaque(ast.unparse(node))


def _sign(module: Module, node: ast.UnaryOp, names: dict[str, Any]) -> Any:
    inner = evaluate(module, node.operand, names)
    is_number = isinstance(inner, int | float)
    return -inner if isinstance(node.op, ast.USub) and is_number else Opaque(ast.unparse(node))


def _string(module: Module, node: ast.JoinedStr, names: dict[str, Any]) -> Any:
    parts = [
        evaluate(module, each.value, names) if isinstance(each, ast.FormattedValue) else evaluate(module, each, names)
        for each in node.values
    ]
    return "".join(map(str, parts)) if all(isinstance(each, str | int) for each in parts) else Opaque(ast.unparse(node))


def _comprehension(module: Module, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, names: dict[str, Any]) -> Any:
    made = node.generators[0]
    values = items(evaluate(module, made.iter, names))
    if len(node.generators) > 1 or values is None or not isinstance(made.target, ast.Name):
        return Opaque(ast.unparse(node))
    return [evaluate(module, node.elt, {**names, made.target.id: each}) for each in values]


def items(value: Any) -> list[Any] | None:
    """Items that a loop over the value sees; None where they are not known."""
    if isinstance(value, Class):
        return list(value.members())
    return list(value) if isinstance(value, list | tuple | dict | set) else None


def _call(module: Module, node: ast.Call, names: dict[str, Any]) -> Any:
    name = ast.unparse(node.func).rpartition(".")[2]
    if name == "get_args" and len(node.args) == 1:
        return literals(module, node.args[0])
    values = [evaluate(module, each, names) for each in node.args if not isinstance(each, ast.Starred)]
    if isinstance(node.func, ast.Attribute) and name in METHODS:
        return _method(evaluate(module, node.func.value, names), name, values, node)
    values = [items(each) if isinstance(each, Class) else each for each in values]
    work = CALLS.get(name) if isinstance(node.func, ast.Name) else None
    if work is None or any(isinstance(each, Opaque | Function) for each in values):
        return Opaque(ast.unparse(node))
    try:
        return work(*values)
    except (TypeError, ValueError):
        return Opaque(ast.unparse(node))


def _method(inner: Any, name: str, values: list[Any], node: ast.Call) -> Any:
    if not isinstance(inner, str | dict | list) or any(isinstance(each, Opaque) for each in values):
        return Opaque(ast.unparse(node))
    try:
        found = getattr(inner, name)(*values)
    except (TypeError, KeyError, AttributeError):
        return Opaque(ast.unparse(node))
    return list(found) if name in {"keys", "values", "items"} else found


READERS: dict[type, Callable[..., Any]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.Set: _sequence,
    ast.Dict: _dict,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.BinOp: _operation,
    ast.UnaryOp: _sign,
    ast.JoinedStr: _string,
    ast.ListComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.SetComp: _comprehension,
    ast.Call: _call,
}
