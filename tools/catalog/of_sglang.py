"""What a wheel of SGLang knows: options of its server, parsers, quantizations, metrics."""

from __future__ import annotations

import ast
from typing import Any

from evaluate import default
from interpret import Registered
from metrics import metrics
from options import Row, fields, of_annotation
from source import Class, Function, Module, Sources
from wheel import Wheel

PACKAGE, COMMAND = "sglang", "sglang.launch_server"
ARGUMENTS = "sglang.srt.server_args"
SERVER = "sglang/srt/"
PINS = ("torch", "transformers", "compressed-tensors", "flashinfer-python", "sglang-kernel")


def source(_sources: Sources) -> str:
    """The files that were read."""
    files = "sglang/srt/server_args.py, sglang/srt/arg_groups, sglang/srt/function_call/parser_names.py"
    return f"{files}, sglang/srt/parser, sglang/srt/observability and METADATA in the wheel sglang"


def options(sources: Sources) -> dict[str, Row]:
    """Options of the server: fields of its namespaces, and what is registered by hand."""
    module = sources.module(ARGUMENTS)
    classes = [node for node in module.tree.body if isinstance(node, ast.ClassDef)] if module else []
    bound = next((node for node in classes if node.name == "ServerArgs"), None)
    if module is None or bound is None:
        raise LookupError(f"{ARGUMENTS} has no class ServerArgs")
    made = Class(module, bound)
    registered = Registered({"add_cli_args_from_dataclass": lambda target, _: _from_fields(target, module, made)})
    function = made.method("add_cli_args")
    if isinstance(function, Function):
        registered.run(function)
    return registered.rows


def _from_fields(registered: Registered, module: Module, made: Class) -> None:
    spaces = module.find("_INPUT_NAMESPACES")
    for space in [*(spaces if isinstance(spaces, list) else []), made]:
        assigned = space.assigned()
        for name, (where, node) in fields(space).items():
            value = default(space, assigned[name]) if name in assigned else None
            _field(registered, where, name, node, value)


def _field(registered: Registered, module: Module, name: str, node: ast.expr, value: Any) -> None:
    """Registers one `A[type, Arg(...)]`, as `add_cli_args_from_dataclass` does."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple):
        return
    kind, *rest = node.slice.elts
    words = {each.arg or "": each.value for call in rest if isinstance(call, ast.Call) for each in call.keywords}
    is_derived = any(ast.unparse(each).startswith("Derived") for each in rest)
    if is_derived or (words.get("no_cli") and module.value(words["no_cli"])):
        return
    given: Row = of_annotation(module, kind, value)
    for word in ("choices", "nargs", "action"):
        if word in words:
            given[word] = module.value(words[word])
    if "type_parser" in words:
        given["type"] = module.value(words["type_parser"])
    given |= module.value(words["action_kwargs"]) if "action_kwargs" in words else {}
    if given["kind"] == "boolean" and "action" not in given:
        given["action"] = "store_true"
    own = module.value(words["cli_name"]) if "cli_name" in words else f"--{name.replace('_', '-')}"
    aliases = module.value(words["aliases"]) if "aliases" in words else []
    registered.register([own, *(aliases if isinstance(aliases, list) else [])], given)


def names(sources: Sources, wheel: Wheel) -> dict[str, list[str]]:
    """Sets of words by what they name."""
    rows = options(sources)
    return {
        "kvCacheDtypes": rows["kv-cache-dtype"].get("choices", []),
        "metrics": metrics(sources, (name for name in wheel.names if name.startswith(SERVER)), "sglang:"),
        "quantizations": rows["quantization"].get("choices", []),
        "reasoningParsers": _parsers(sources, "sglang.srt.parser.reasoning_parser_names", "REASONING_PARSER_NAMES"),
        "toolCallParsers": _parsers(sources, "sglang.srt.function_call.parser_names", "TOOL_CALL_PARSER_NAMES"),
    }


def _parsers(sources: Sources, name: str, table: str) -> list[str]:
    module = sources.module(name)
    found: Any = module.find(table) if module else []
    return ["auto", *sorted(found)] if isinstance(found, list) else []
