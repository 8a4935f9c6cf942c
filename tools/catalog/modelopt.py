"""What a wheel of ModelOpt tells of itself, written into its table: options, recipes, presets and the ONNX it needs.

    python tools/catalog/modelopt.py nvidia_modelopt-0.47.0-py3-none-any.whl [--check]

What a wheel does not tell (precisions by GPU, model families, what replaced what) is kept as it stands in the table.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

TABLE = Path(__file__).parents[2] / "llmspec/catalog/engines/modelopt.json"
MODULES = ("modelopt.onnx.autocast", "modelopt.onnx.quantization")
NAMES = {
    "recipes": r"modelopt_recipes/(general/ptq/[^/]+)\.ya?ml",
    "qformats": r"modelopt_recipes/configs/ptq/presets/model/([^/]+)\.ya?ml",
    "kvFormats": r"modelopt_recipes/configs/ptq/presets/kv/([^/]+)\.ya?ml",
}
PINNED = {"onnx": "onnx", "onnxruntime": "onnxruntime-gpu", "torch": "torch", "transformers": "transformers"}
TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "string"}
NESTED = ("commands", "names")


def main() -> int:
    """Renews the table, or with `--check` says by its status whether that would change it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    before = TABLE.read_text("utf-8")
    after = written(renewed(json.loads(before), ZipFile(asked.wheel)))
    if not asked.check:
        TABLE.write_text(after, "utf-8")
    return int(asked.check and before != after)


def renewed(table: dict[str, Any], wheel: ZipFile) -> dict[str, Any]:
    """The table with what the wheel tells, each difference from what it had before dated by the wheel's version."""
    files = wheel.namelist()
    metadata = wheel.read(next(name for name in files if name.endswith(".dist-info/METADATA"))).decode()
    version = _field(metadata, "Version")
    for module in MODULES:
        source = wheel.read(module.replace(".", "/") + "/__main__.py").decode()
        table["commands"][module] = dated(table["commands"].get(module, {}), options(source), version)
    for kind, pattern in NAMES.items():
        found: dict[str, dict[str, Any]] = {match[1]: {} for name in files if (match := re.fullmatch(pattern, name))}
        table["names"][kind] = dated(table["names"].get(kind, {}), found, version)
    release = table["releases"].setdefault(version, {"source": f"wheel nvidia-modelopt {version}"})
    release["pins"] = {name: _needed(metadata, project) for name, project in PINNED.items()}
    return table


def options(source: str) -> dict[str, dict[str, Any]]:
    """The options that a module adds to its `argparse` parser; a default that is no literal is left out."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    added = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"]
    return {_literal(call.args[0]).lstrip("-"): _option(call) for call in added}


def _option(call: ast.Call) -> dict[str, Any]:
    given = {word.arg: word.value for word in call.keywords}
    is_flag = _literal(given.get("action")) == "store_true"
    kind = "list" if _literal(given.get("nargs")) in {"*", "+"} else TYPES.get(_named(given.get("type")), "string")
    default = None if is_flag else _literal(given.get("default"))
    row = {"type": "flag" if is_flag else kind, "default": default, "choices": _literal(given.get("choices"))}
    return {key: value for key, value in row.items() if value not in (None, [])}


def _literal(node: ast.expr | None) -> Any:
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None


def _named(node: ast.expr | None) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def dated(
    before: dict[str, list[dict[str, Any]]], found: dict[str, dict[str, Any]], version: str
) -> dict[str, list[dict[str, Any]]]:
    """Rows with what is new since the version and what is gone with it; what is not known by a wheel is kept."""
    rows = {name: [dict(row) for row in spans] for name, spans in before.items()}
    for name, spans in rows.items():
        if "until" not in spans[-1] and found.get(name) != _told(spans[-1]):
            spans[-1]["until"] = version
    for name, told in found.items():
        spans = rows.setdefault(name, [])
        if not spans or "until" in spans[-1]:
            spans.append({**told, "since": version} if before else told)
    return rows


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("type", "default", "choices") if key in row}


def _field(metadata: str, name: str) -> str:
    return re.findall(rf"^{name}: (.+)$", metadata, re.MULTILINE)[0]


def _needed(metadata: str, project: str) -> str:
    """What is asked of a project on Linux with a current Python: `1.21.0` for `~=1.21.0`, a range as it is written."""
    asked = re.findall(rf"^Requires-Dist: {project}([~<>=!][^;\n]*)(.*)$", metadata, re.MULTILINE)
    here = [
        wanted for wanted, when in asked if '<= "3.10"' not in when and "Windows' and" not in when.replace('"', "'")
    ]
    bounds = sorted(here[-1].strip().split(","), reverse=True)
    return ",".join(bounds).removeprefix("~=").removeprefix("==")


def written(table: dict[str, Any]) -> str:
    """The table as text: an option a line, names in order."""
    return "{\n" + ",\n".join(f'  "{key}": {_section(key, value)}' for key, value in table.items()) + "\n}\n"


def _section(key: str, value: Any) -> str:
    if not isinstance(value, dict):
        return _line(value)
    if key not in NESTED:
        return _block({name: _line(inner) for name, inner in value.items()}, "  ")
    blocks = {name: {each: _line(rows) for each, rows in inner.items()} for name, inner in value.items()}
    return _block({name: _block(inner, "    ") for name, inner in blocks.items()}, "  ")


def _block(lines: dict[str, str], indent: str) -> str:
    body = ",\n".join(f"{indent}  {_line(name)}: {line}" for name, line in sorted(lines.items()))
    return f"{{\n{body}\n{indent}}}"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
