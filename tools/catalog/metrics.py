"""Names of the metrics that sources make, as `/metrics` shows them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from source import Module, Opaque, Sources, bindings

FILES = ("metrics.py", "loggers.py", "stats.py", "perf.py", "metrics_collector.py", "cpu_monitor.py")
KINDS = ("counter", "gauge", "histogram", "summary")
# Code under such a condition shows what is announced to go, to those who ask for it.
HIDDEN = "show_hidden_metrics"


def metrics(sources: Sources, files: Iterable[str], prefix: str) -> list[str]:
    """Names that begin with a prefix; a counter has the suffix that the client library gives it."""
    chosen = sorted(name for name in files if name.rpartition("/")[2] in FILES)
    modules = (sources.module(name.removesuffix(".py").replace("/", ".")) for name in chosen)
    return sorted({name for module in modules if module for name in _made(module, prefix)})


def _made(module: Module, prefix: str) -> Iterator[str]:
    """Names in one module. What is named by a variable takes the strings that are not named otherwise."""
    open_kinds, named = set(), {}
    bound = bindings(node for node in ast.walk(module.tree) if isinstance(node, ast.Assign))
    local = {name: node.value for name, node in bound if isinstance(node, ast.Constant) and name == "name"}
    for node in _visible(module.tree):
        kind = next((each for each in KINDS if each in ast.unparse(node.func).lower()), "")
        words = {each.arg: each.value for each in node.keywords}
        name = words.get("name") or (node.args[0] if node.args else None)
        value = module.value(name, local) if kind and name else None
        if isinstance(value, str) and value.startswith(prefix):
            named[value] = kind
        elif isinstance(value, Opaque):
            open_kinds.add(kind)
    if len(open_kinds) == 1:
        named = dict.fromkeys(_strings(module, prefix), next(iter(open_kinds))) | named
    yield from (_shown(name, kind) for name, kind in named.items())


def _shown(name: str, kind: str) -> str:
    return f"{name.removesuffix('_total')}_total" if kind == "counter" else name


def _strings(module: Module, prefix: str) -> set[str]:
    """Names of the prefix that are written in a module, but for those that are only asked for when hidden."""
    hidden = {
        inner.value
        for node in ast.walk(module.tree)
        if isinstance(node, ast.If) and HIDDEN in ast.unparse(node.test)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant)
    }
    written = {node.value for node in ast.walk(module.tree) if isinstance(node, ast.Constant)}
    return {each for each in written - hidden if isinstance(each, str) and re.fullmatch(f"{prefix}[a-z0-9_]+", each)}


def _visible(node: ast.AST) -> Iterator[ast.Call]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and HIDDEN in ast.unparse(child.test):
            yield from (call for other in child.orelse for call in _visible(other))
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _visible(child)
