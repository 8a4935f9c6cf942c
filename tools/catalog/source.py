"""Values and classes in Python sources, found by reading: names are followed over imports, nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Opaque:
    """A value that is not worked out; `text` is how it is written."""

    text: str


@dataclass(frozen=True, eq=False)
class Class:
    """A class of the sources."""

    module: Module
    node: ast.ClassDef

    @property
    def bases(self) -> tuple[str, ...]:
        written = (ast.unparse(base).partition("[") for base in self.node.bases)
        return tuple(name.rpartition(".")[2] for name, _, _ in written)

    @property
    def decorators(self) -> tuple[str, ...]:
        return tuple(ast.unparse(each).partition("(")[0].rpartition(".")[2] for each in self.node.decorator_list)

    @property
    def is_enum(self) -> bool:
        return any("Enum" in base for base in self.bases)

    def parents(self) -> Iterator[Class]:
        for base in self.node.bases:
            if isinstance(base, ast.Name) and isinstance(found := self.module.find(base.id), Class):
                yield found

    def method(self, name: str) -> Function | None:
        """A method of the class or of the first parent that has it."""
        for node in self.node.body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return Function(self.module, node, self)
        return next((found for each in self.parents() if (found := each.method(name))), None)

    def assigned(self) -> dict[str, ast.expr]:
        """Expressions of the attributes, those of the parents too."""
        found: dict[str, ast.expr] = {}
        for each in self.parents():
            found.update(each.assigned())
        return found | dict(bindings(self.node.body))

    def members(self) -> tuple[Member, ...]:
        """Members of an enumeration."""
        values = ((name, self.module.value(node)) for name, node in self.assigned().items())
        return tuple(Member(name, value) for name, value in values if not name.startswith("_"))


@dataclass(frozen=True)
class Member:
    """A member of an enumeration."""

    name: str
    value: Any


@dataclass(frozen=True, eq=False)
class Function:
    """A function of the sources, and the class it is in."""

    module: Module
    node: ast.FunctionDef
    owner: Class | None = None


@dataclass(eq=False)
class Module:
    """A module: its bindings, evaluated when they are asked for."""

    sources: Sources
    name: str
    is_package: bool
    tree: ast.Module
    bound: dict[str, ast.AST] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)
    starred: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for node in at_run_time(self.tree.body):
            if isinstance(node, ast.Import):
                self.imported |= {each.asname or each.name: (each.name, "") for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                self._import_from(node)
            elif isinstance(node, ast.ClassDef | ast.FunctionDef):
                self.bound[node.name] = node
            else:
                self.bound |= dict(bindings([node]))

    def _import_from(self, node: ast.ImportFrom) -> None:
        origin = node.module or ""
        if node.level:
            steps = self.name.split(".")
            kept = steps[: len(steps) - node.level + self.is_package]
            origin = ".".join([*kept, *filter(None, [origin])])
        for each in node.names:
            if each.name == "*":
                self.starred.append(origin)
            else:
                self.imported[each.asname or each.name] = (origin, each.name)

    def find(self, name: str, depth: int = 0) -> Any:
        """What a name is bound to: a value, a class, a function, a module, or `Opaque`."""
        if depth > 20:  # noqa: PLR2004 - imports in a circle
            return Opaque(name)
        if name in self.bound:
            return self._bound(name)
        if name in self.imported:
            return self._imported(*self.imported[name], depth)
        for origin in self.starred:
            module = self.sources.module(origin)
            if module and not isinstance(found := module.find(name, depth + 1), Opaque):
                return found
        return Opaque(name)

    def _bound(self, name: str) -> Any:
        node = self.bound[name]
        if isinstance(node, ast.ClassDef):
            return Class(self, node)
        if isinstance(node, ast.FunctionDef):
            return Function(self, node)
        if not isinstance(node, ast.expr) or name in self.asked:
            return Opaque(name)
        self.asked.add(name)  # a name may be bound to what itself is made into
        try:
            return self.value(node)
        finally:
            self.asked.discard(name)

    def _imported(self, origin: str, name: str, depth: int) -> Any:
        module = self.sources.module(origin)
        if not name:
            return module or Opaque(origin)
        found = module.find(name, depth + 1) if module else Opaque(name)
        if isinstance(found, Opaque):
            return self.sources.module(f"{origin}.{name}") or found
        return found

    def expression(self, name: str, depth: int = 0) -> tuple[Module, ast.AST] | None:
        """Where a name is bound, over imports, and to what."""
        if name in self.bound:
            return self, self.bound[name]
        origins = [self.imported[name]] if name in self.imported else [(origin, name) for origin in self.starred]
        for origin, inner in origins:
            module = self.sources.module(origin)
            if module and inner and depth < 20 and (found := module.expression(inner, depth + 1)):  # noqa: PLR2004
                return found
        return None

    def value(self, node: ast.AST, names: dict[str, Any] | None = None) -> Any:
        """Value of an expression, `Opaque` where it is not worked out."""
        from evaluate import evaluate  # noqa: PLC0415 - the two know each other

        return evaluate(self, node, names or {})


class Sources:
    """Python files of a wheel by the names of their modules."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self.read = read
        self.module = cache(self._module)

    def _module(self, name: str) -> Module | None:
        path = name.replace(".", "/")
        for file, is_package in ((f"{path}.py", False), (f"{path}/__init__.py", True)):
            if (text := self.read(file)) is not None:
                return Module(self, name, is_package, ast.parse(text))
        return None


def at_run_time(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a module that run when it is imported: not those for type checkers only."""
    for node in body:
        if isinstance(node, ast.If):
            is_for_checkers = "TYPE_CHECKING" in ast.unparse(node.test)
            yield from at_run_time([] if is_for_checkers else node.body)
            yield from at_run_time(node.orelse)
        elif isinstance(node, ast.Try):
            for handler in node.handlers:
                yield from at_run_time(handler.body)
            yield from at_run_time(node.body)
        else:
            yield node


def bindings(body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Names that statements assign an expression to."""
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value
        elif isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
