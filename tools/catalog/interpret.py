"""Reads the functions that register options: what each `add_argument` would be called with."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from evaluate import default, items
from options import Row, fields, of_annotation, row
from source import Class, Function, Module, Opaque

DEPTH = 12


class Registered:
    """Options that were registered, by name, as rows. `calls` are functions that are known: name to reading."""

    def __init__(self, calls: dict[str, Callable[[Registered, list[Any]], Any]] | None = None) -> None:
        self.rows: dict[str, Row] = {}
        self.calls = {"get_kwargs": _get_kwargs} | (calls or {})
        self.depth = 0

    def run(self, function: Function, given: dict[str, Any] | None = None) -> Any:
        """Reads the body of a function; both ways of a branch are taken."""
        if self.depth > DEPTH:
            return Opaque(function.node.name)
        self.depth += 1
        try:
            return self._body(function, function.node.body, {"cls": function.owner} | (given or {}))
        finally:
            self.depth -= 1

    def _body(self, function: Function, body: list[ast.stmt], names: dict[str, Any]) -> Any:
        for node in body:
            if isinstance(node, ast.Return):
                return self._value(function, node.value, names) if node.value else None
            self._statement(function, node, names)
        return None

    def _statement(self, function: Function, node: ast.stmt, names: dict[str, Any]) -> None:
        match node:
            case ast.Expr():
                self._value(function, node.value, names)
            case ast.Assign():
                self._assign(function, node, names)
            case ast.Delete():
                for target in node.targets:
                    _delete(function.module, target, names)
            case ast.If() if "TYPE_CHECKING" not in ast.unparse(node.test):
                self._body(function, [*node.body, *node.orelse], names)
            case ast.With() | ast.Try():
                self._body(function, node.body, names)
            case ast.For():
                self._loop(function, node, names)

    def _assign(self, function: Function, node: ast.Assign, names: dict[str, Any]) -> None:
        value = self._value(function, node.value, names)
        for target in node.targets:
            if isinstance(target, ast.Name):
                names[target.id] = value
            elif isinstance(target, ast.Subscript):
                owner = function.module.value(target.value, names)
                if isinstance(owner, dict):
                    owner[function.module.value(target.slice, names)] = value

    def _loop(self, function: Function, node: ast.For, names: dict[str, Any]) -> None:
        for each in items(self._value(function, node.iter, names)) or []:
            targets = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
            values = list(each) if isinstance(node.target, ast.Tuple) else [each]
            inner = {
                target.id: value for target, value in zip(targets, values, strict=False) if isinstance(target, ast.Name)
            }
            names |= inner
            self._body(function, node.body, names)

    def _value(self, function: Function, node: ast.expr, names: dict[str, Any]) -> Any:
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call):
            inner = self._value(function, node.value, names)
            return function.module.value(ast.Subscript(ast.Name("()"), node.slice), {**names, "()": inner})
        if not isinstance(node, ast.Call):
            return function.module.value(node, names)
        name = ast.unparse(node.func).rpartition(".")[2]
        if name == "add_argument":
            return self._add(function.module, node, names)
        if name in self.calls:
            return self.calls[name](self, [function.module.value(each, names) for each in node.args])
        if (called := _called(function, node, names)) is not None:
            method, owner = called
            parameters = [each.arg for each in method.node.args.args if each.arg not in {"cls", "self"}]
            values = [self._value(function, each, names) for each in node.args]
            return self.run(method, dict(zip(parameters, values, strict=False)) | {"cls": owner})
        _change(function.module, node, names)
        return function.module.value(node, names)

    def _add(self, module: Module, node: ast.Call, names: dict[str, Any]) -> None:
        written = module.value(ast.List(elts=node.args), names)
        given: Row = {}
        for each in node.keywords:
            value = module.value(each.value, names)
            if each.arg:
                given[each.arg] = value
            elif isinstance(value, dict):
                given |= value
        self.register([each for each in written if isinstance(each, str)], given)

    def register(self, written: list[str], given: Row) -> None:
        """Takes an option under each of its long names: the first is its own, the others are aliases."""
        longs = [each[2:].replace("_", "-") for each in written if each.startswith("--")]
        longs = list(dict.fromkeys(longs))
        for number, name in enumerate(longs):
            found = row(given)
            if number:
                found["note"] = f"another name of `{longs[0]}`"
            self.rows[name] = found


def _called(function: Function, node: ast.Call, names: dict[str, Any]) -> tuple[Function, Any] | None:
    """The function that a call is of, if it can register options, and the class it is called on."""
    written, name = ast.unparse(node.func), ast.unparse(node.func).rpartition(".")[2]
    if written.startswith("super()."):
        owners = list(function.owner.parents()) if function.owner else []
        return next(((found, names.get("cls")) for each in owners if (found := each.method(name))), None)
    if isinstance(node.func, ast.Attribute):
        owner = function.module.value(node.func.value, names)
        found = owner.method(name) if isinstance(owner, Class) else None
        return (found, owner) if found else None
    plain = function.module.find(name)
    is_known = isinstance(plain, Function) and any("parser" in each.arg for each in plain.node.args.args)
    return (plain, None) if is_known else None


def _delete(module: Module, node: ast.expr, names: dict[str, Any]) -> None:
    if isinstance(node, ast.Subscript) and isinstance(owner := module.value(node.value, names), dict):
        owner.pop(module.value(node.slice, names), None)


def _change(module: Module, node: ast.Call, names: dict[str, Any]) -> None:
    """Changes of a list or a set in place."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in {"remove", "append", "extend", "add"}:
        return
    owner = module.value(node.func.value, names)
    values = [module.value(each, names) for each in node.args]
    if isinstance(owner, list) and values and not isinstance(values[0], Opaque):
        if node.func.attr == "remove":
            owner[:] = [each for each in owner if each != values[0]]
        else:
            owner.extend(values[0] if node.func.attr == "extend" and isinstance(values[0], list) else [values[0]])


def _get_kwargs(_registered: Registered, values: list[Any]) -> Any:
    owner = values[0]
    if not isinstance(owner, Class):
        return Opaque("get_kwargs")
    assigned = owner.assigned()
    return {
        name: of_annotation(module, node, default(owner, assigned[name]) if name in assigned else None)
        for name, (module, node) in fields(owner).items()
    }
