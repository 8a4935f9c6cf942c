"""What is not needed is not loaded: every module costs milliseconds at each start."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"onnx", "jsonpatch", "minijinja", "ruamel", "kubernetes", "jinja2", "pydantic", "importlib.metadata"}
COMPILE = {
    "onnx", "jsonpatch", "pydantic", "jinja2", "jsonschema", "importlib.metadata", "asyncio", "ssl", "http",
    "urllib.request",
}  # fmt: skip
PROBE = """
import sys
sys.argv[0] = "llmspec"
from llmspec.__main__ import main
try:
    main()
finally:
    sys.stdout.flush()
    sys.stderr.write("\\n" + " ".join(sys.modules))
"""


def loaded(folder, *arguments):
    """The modules that a run has loaded in the end, with every parent of each."""
    run = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=folder, env={**os.environ, "LLMSPEC_CACHE_DIR": str(folder.parent / "cache")}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    said, _, modules = run.stderr.rpartition("\n")
    return said, {*modules.split(), *(name.rpartition(".")[0] for name in modules.split())}


@pytest.fixture
def minimal(tmp_path):
    return shutil.copytree(ROOT / "specs" / "minimal", tmp_path / "minimal")


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_asking_for_help_loads_nothing_heavy(minimal, argument):
    assert not loaded(minimal, argument)[1] & (HEAVY | COMPILE)


@pytest.mark.parametrize("command", ["check", "compile"])
def test_a_stamp_hit_loads_nothing_heavy(minimal, command):
    """Not even the command line."""
    for _ in range(3):  # the first writes files, which are older than the second
        said, modules = loaded(minimal, command)
    assert "nothing" in said
    assert not modules & (HEAVY | COMPILE | {"click", "msgspec", "pathlib"})


@pytest.mark.parametrize("command", ["check", "compile"])
def test_a_cold_run_loads_what_it_needs(minimal, command):
    _, modules = loaded(minimal, command)
    assert {"ruamel", "msgspec"} <= modules, "or this test sees nothing"
    assert not modules & COMPILE
