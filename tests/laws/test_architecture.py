"""Rooms import one way. The table is the whole law; a room that is not in it does not exist."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "llmspec"

MAY = {
    "report": set(),
    "syntax": {"report"},
    "catalog": set(),
    "sizing": set(),
    "plan": set(),
    "artifacts": {"plan"},
    "render": {"plan"},
    "part": set(),
    "scalars": set(),
    "families": {"part", "plan", "artifacts", "catalog", "report", "scalars"},
    "spec": {"families", "part", "scalars"},
    "lock": {"artifacts", "catalog", "families", "part", "plan", "render", "report", "sizing", "spec", "syntax"},
    "passes": {
        "artifacts", "catalog", "families", "lock", "part", "plan", "render", "report", "scalars", "sizing",
        "spec", "syntax",
    },
    "parts": {"artifacts", "catalog", "families", "part", "plan", "render", "report", "scalars", "sizing"},
    "targets": {"artifacts", "families", "plan", "render", "report"},
    "engine": {"plan"},
    "compiler": {"artifacts", "part", "passes", "plan", "report", "spec", "syntax"},
    "cli": {"artifacts", "compiler", "engine", "lock", "passes", "plan", "render", "report", "spec", "syntax"},
    "__main__": {"artifacts", "cli"},
}  # fmt: skip

ONE_ROOM = {
    "click": {"cli"},
    "jsonpatch": {"passes"},
    "minijinja": {"render"},
    "onnx": {"engine"},
    "ruamel": {"syntax"},
    "urllib": {"lock", "report"},
    "socket": set(),
    "subprocess": {"engine"},
    "tensorrt": set(),
    "yaml": set(),
}


def rooms():
    return sorted({path.relative_to(ROOT).parts[0].removesuffix(".py") for path in ROOT.rglob("*.py")} - {"__init__"})


def modules(room):
    return sorted((ROOT / room).rglob("*.py")) or [ROOT / f"{room}.py"]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module


def test_every_room_is_in_the_table():
    assert set(rooms()) == set(MAY)


@pytest.mark.parametrize("room", sorted(MAY))
def test_rooms_import_one_way(room):
    for path in modules(room):
        for name in imports(path):
            top, _, rest = name.partition(".")
            if top == "llmspec" and rest:
                other = rest.split(".")[0]
                assert other in MAY[room] | {room}, f"{path.relative_to(ROOT)} imports {name}"


def test_the_table_has_no_cycle():
    done = set()
    while ready := {room for room, others in MAY.items() if room not in done and others <= done}:
        done |= ready
    assert done == set(MAY)


def test_nothing_imports_a_part_or_a_target_by_name():
    for room in set(MAY) - {"parts", "targets"}:
        for path in modules(room):
            assert not [name for name in imports(path) if name.startswith(("llmspec.parts", "llmspec.targets"))], path


@pytest.mark.parametrize("library", sorted(ONE_ROOM))
def test_each_library_has_one_room(library):
    found = {
        room for room in MAY for path in modules(room) if library in {name.split(".")[0] for name in imports(path)}
    }
    assert found <= ONE_ROOM[library]


def test_only_the_rim_prints_and_writes():
    """`print`, `open` for writing and their like stand in cli, artifacts, engine and __main__ alone."""
    writers = {"print", "write_text", "write_bytes", "unlink", "rmtree", "mkdir"}
    for room in set(MAY) - {"cli", "artifacts", "engine", "__main__"}:
        for path in modules(room):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
                    assert name not in writers, f"{path.relative_to(ROOT)}:{node.lineno} calls {name}"


def test_functions_and_files_stay_small():
    for path in ROOT.rglob("*.py"):
        text = path.read_text("utf-8")
        assert text.count("\n") <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 60, f"{path}:{node.lineno} {node.name}"


def test_every_module_says_what_it_knows():
    for path in ROOT.rglob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path


def test_imports_are_declared_dependencies():
    allowed = {"click", "jsonpatch", "jsonpointer", "minijinja", "msgspec", "onnx", "google", "ruamel", "llmspec"}
    for path in ROOT.rglob("*.py"):
        for name in imports(path):
            top = name.split(".")[0]
            assert top in allowed or top in sys.stdlib_module_names or top.startswith("_"), f"{path}: {name}"
