"""What a wheel of vLLM knows: options of `vllm serve`, parsers, quantizations, metrics."""

from __future__ import annotations

import ast
import re
from typing import Any

from interpret import Registered
from metrics import metrics
from options import UNITS, Row, plain
from source import Class, Function, Module, Sources
from wheel import Wheel

PACKAGE, COMMAND = "vllm", "vllm serve"
# Where releases have kept what the command line is made of, newest first.
PARSERS = (
    "vllm.entrypoints.common.cli_args",
    "vllm.entrypoints.launchers.cli_args",
    "vllm.entrypoints.openai.cli_args",
)
ARGUMENTS = "vllm.utils.argparse_utils"
METHODS = "vllm.model_executor.layers.quantization"
CACHES = ("vllm.config.cache", "vllm.config")
PINS = ("torch", "transformers", "compressed-tensors", "flashinfer-python")
TOOLS = ("vllm.tool_parsers", "vllm.entrypoints.openai.tool_parsers")


def source(sources: Sources) -> str:
    """The files that were read."""
    where = next(each for each in PARSERS if sources.module(each))
    files = f"vllm/engine/arg_utils.py, {where.replace('.', '/')}.py, vllm/config, vllm/tool_parsers, vllm/reasoning"
    return f"{files}, {METHODS.replace('.', '/')}, vllm/v1/metrics and METADATA in the wheel vllm"


def options(sources: Sources) -> dict[str, Row]:
    """Options of `vllm serve`."""
    module = next(found for each in PARSERS if (found := sources.module(each)))
    registered = Registered()
    function = module.find("make_arg_parser")
    if isinstance(function, Function):
        registered.run(function)
    if not registered.rows:
        raise LookupError(f"{module.name} registers no options")
    rows = with_units(sources, registered.rows)
    arguments = sources.module(ARGUMENTS)
    if arguments and isinstance(arguments.find("EnableDisableAction"), Class):
        rows = opposites(rows) | rows
    return rows


def with_units(sources: Sources, rows: dict[str, Row]) -> dict[str, Row]:
    """The rows, those of integers with units as they are read: not as plain integers."""
    module = sources.module("vllm.engine.arg_utils")
    body = ast.walk(module.tree) if module else ()
    made = dict(rows)
    for node in body:
        if isinstance(node, ast.If) and "human_readable_int" in ast.unparse(node.body[0]):
            reader = ast.unparse(node.body[0]).rpartition("= ")[2]
            for name in _compared(module, node.test) if module else ():
                if name in rows and reader in UNITS:
                    made[name] = {key: rows[name][key] for key in rows[name] if key != "type"} | {"note": UNITS[reader]}
    return made


def _compared(module: Module, test: ast.expr) -> list[str]:
    """Names of fields that a test asks for: with a string, a set, or a set of a name."""
    if not isinstance(test, ast.Compare):
        return []
    wanted = test.comparators[0]
    if isinstance(wanted, ast.Name):
        bound = (node for node in ast.walk(module.tree) if isinstance(node, ast.Assign))
        wanted = next((node.value for node in bound if ast.unparse(node.targets[0]) == wanted.id), wanted)
    return [
        node.value.replace("_", "-")
        for node in ast.walk(wanted)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def opposites(rows: dict[str, Row]) -> dict[str, Row]:
    """The `disable-` twins of `enable-` options, and the other way round."""
    pairs = {"enable-": "disable-", "disable-": "enable-"}
    return {
        other + name.removeprefix(prefix): {"type": "flag", "note": f"the opposite of `{name}`"}
        for name, row in rows.items()
        for prefix, other in pairs.items()
        if row.get("type") == "boolean" and name.startswith(prefix)
    }


def names(sources: Sources, wheel: Wheel) -> dict[str, list[str]]:
    """Sets of words by what they name."""
    return {
        "deprecatedQuantizations": quantizations(sources, "DEPRECATED_QUANTIZATION_METHODS"),
        "kvCacheDtypes": cache_types(sources),
        "metrics": metrics(sources, wheel.names, "vllm:"),
        "quantizations": quantizations(sources, "QUANTIZATION_METHODS"),
        "reasoningParsers": parsers(sources, wheel, ("vllm.reasoning",), "_REASONING_PARSERS_TO_REGISTER"),
        "toolCallParsers": parsers(sources, wheel, TOOLS, "_TOOL_PARSERS_TO_REGISTER"),
    }


def quantizations(sources: Sources, table: str) -> list[str]:
    """Values of `--quantization`: all of them, or those that `--allow-deprecated-quantization` has to allow."""
    module = sources.module(METHODS)
    found = module.find(table) if module else []
    return sorted(plain(found) or [])


def cache_types(sources: Sources) -> list[str]:
    """Values of `--kv-cache-dtype`."""
    for each in CACHES:
        module = sources.module(each)
        if module and (found := module.value(ast.parse("get_args(CacheDType)", mode="eval").body)):
            return sorted(plain(found) or [])
    return []


def parsers(sources: Sources, wheel: Wheel, packages: tuple[str, ...], table: str) -> list[str]:
    """Names of parsers: keys of the table of those to register, or what decorators say in older releases."""
    for package in packages:
        module = sources.module(package)
        found: Any = module.find(table) if module else None
        if isinstance(found, dict):
            return sorted(found)
    folders = tuple(package.replace(".", "/") + "/" for package in packages)
    texts = (wheel.read(name) or "" for name in wheel.names if name.startswith(folders) and name.endswith(".py"))
    return sorted({name for text in texts for name in _decorated(text)})


def _decorated(text: str) -> list[str]:
    calls = re.findall(r"@\w+Manager\.register_module\(([^)]*)\)", text)
    return [name for call in calls for name in re.findall(r'"([^"]+)"', call)]


__all__ = ["COMMAND", "PACKAGE", "PINS", "Module", "names", "options", "source"]
