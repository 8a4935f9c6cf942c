"""Every code has a failing example: `cases/<CODE>-<name>/` over `cases/base/`, and what llmspec says about it.

`expected.txt` is what the terminal shows of `llmspec check`, or of the commands in `command`. `setup` is run before,
unseen: for what cannot be a checked-in file, and to lock what the case has changed. Both are shell scripts.
`pytest --update` writes expected.txt anew; read the difference.
"""

import difflib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).parent / "cases"
BASE = CASES / "base"
OURS = ("setup", "command", "expected.txt")
FINDING = re.compile(r"^(error|warning)\[(LS\d{3})\]: ", re.MULTILINE)


def cases():
    return sorted(path for path in CASES.iterdir() if path != BASE)


def shell(script, folder):
    """The exit status and what the terminal shows. The network is a closed port of this machine."""
    env = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "LLMSPEC_NO_STAMP": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "https_proxy": "http://127.0.0.1:9",
    }
    run = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    return run.returncode, run.stdout


def prepared(case, folder):
    """A copy of the base with the case's own files over it."""
    shutil.copytree(BASE, folder)
    shutil.copytree(case, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OURS))
    if (case / "setup").is_file():
        status, said = shell((case / "setup").read_text("utf-8"), folder)
        assert status == 0, said
    return folder


def script_of(case):
    return (case / "command").read_text("utf-8") if (case / "command").is_file() else "llmspec check\n"


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_case(case, tmp_path, is_update):
    status, said = shell(script_of(case), prepared(case, tmp_path / "case"))
    expected = case / "expected.txt"
    if is_update:
        expected.write_text(said, "utf-8")
    wanted = expected.read_text("utf-8") if expected.is_file() else ""
    rows = difflib.unified_diff(wanted.splitlines(), said.splitlines(), "expected.txt", "now", lineterm="")
    assert wanted == said, "\n".join((*rows, "run `pytest --update` if this is meant, and read what changes"))
    found = FINDING.findall(said)
    assert [code for _, code in found] == [case.name[:5]], said
    assert status == (found[0][0] == "error")


def checked_in_every_environment():
    """Cases of `llmspec check` whose spec can be read, and declares no environments of its own."""
    for case in cases():
        spec = case / "llm.yaml" if (case / "llm.yaml").is_file() else BASE / "llm.yaml"
        if case.name > "LS3" and not (case / "command").is_file() and "environments:" not in spec.read_text("utf-8"):
            yield case


@pytest.mark.parametrize("case", list(checked_in_every_environment()), ids=lambda case: case.name)
def test_what_two_environments_have_is_said_once(case, tmp_path):
    folder = prepared(case, tmp_path / "case")
    with (folder / "llm.yaml").open("a", encoding="utf-8") as spec:
        spec.write("environments: {production: {}, staging: {}}\n")
    assert shell("llmspec check", folder)[1] == (case / "expected.txt").read_text("utf-8")


def test_the_base_is_clean_and_locked(tmp_path):
    folder = shutil.copytree(BASE, tmp_path / "base")
    assert shell("llmspec check\nllmspec lock --check\n", folder) == (
        0, "1 spec checked: nothing to say\nllm.lock is current\n",
    )  # fmt: skip


def test_cases_are_small():
    """They are read at night, in a terminal."""
    for path in CASES.glob("LS*/llm.yaml"):
        assert len(path.read_text("utf-8").splitlines()) <= 32, path
