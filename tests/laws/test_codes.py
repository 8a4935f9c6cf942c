"""Every code is declared once, explained, has a failing example, and is what its example says."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from string import Formatter

import pytest

from llmspec.cli.manual import load_codes, page, page_root
from llmspec.report.code import STAGES

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases"
CODES = load_codes()

ROOMS = {
    "1": {"syntax"},
    "2": {"passes", "compiler"},
    "3": {"passes", "lock", "parts"},
    "4": {"passes", "parts"},
    "5": {"passes"},
    "9": {"compiler", "cli"},
}
"""By the first digit of a code, the rooms that may declare it."""
CURES = {"add", "fix", "forbid", "invalid", "must", "remove", "require", "should", "use", "write"}
"""A name is the pattern that was found: a word of these says what to do instead, or nothing."""
LONGEST_MESSAGE = 90
WITHOUT_HELP = {"LS206"}
"""Codes whose message says it all."""


def declarations():
    """Every `Code("LS…", …)` in the source: number, file and the arguments that are plain text."""
    for path in sorted((ROOT / "llmspec").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Code" and node.args:
                yield ast.literal_eval(node.args[0]), path.relative_to(ROOT / "llmspec")


def constants():
    """Numbers, and the names of the constants that hold their codes."""
    for path in sorted((ROOT / "llmspec").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            value = getattr(node, "value", None)
            if isinstance(node, ast.Assign) and getattr(getattr(value, "func", None), "id", "") == "Code":
                yield ast.literal_eval(value.args[0]), node.targets[0].id


def facts(code):
    return {field for _, field, _, _ in Formatter().parse(code.message) if field is not None}


def test_each_is_declared_once_and_known_to_explain():
    assert sorted(number for number, _ in declarations()) == list(CODES)


@pytest.mark.parametrize(("number", "path"), list(declarations()), ids=str)
def test_its_first_digit_is_the_stage_of_the_room_that_says_it(number, path):
    assert re.fullmatch(r"LS[1-9]\d\d", number)
    assert number[2] in STAGES
    assert path.parts[0].removesuffix(".py") in ROOMS[number[2]], f"{number} is declared in {path}"


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_its_words_are_fit_for_use(code):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code.name)
    assert not CURES & set(code.name.split("-"))
    assert code.severity in ("error", "warning")
    assert all(re.fullmatch(r"[a-z]+", field) for field in facts(code))
    assert not facts(code) & {"at", "also", "help", "note", "code"}, "these are taken by Report.say"
    shown = code.message.format(**dict.fromkeys(facts(code), 1))
    assert len(shown) <= LONGEST_MESSAGE
    assert shown[0].islower() or shown[0] in "`{0123456789", "messages follow a colon"
    assert not shown.endswith(".")
    assert code.why[0].isupper() or code.why[0] == "`"
    assert code.why.endswith(".")


def test_names_are_unique():
    assert len({code.name for code in CODES.values()}) == len(CODES)


@pytest.mark.parametrize(("number", "constant"), list(constants()))
def test_each_is_said_somewhere(number, constant):
    texts = (path.read_text("utf-8") for path in (ROOT / "llmspec").rglob("*.py"))
    assert any(re.search(rf"\b{constant}\b(?! = Code\(|$)", text) for text in texts), f"{number} is never said"


def test_each_has_one_case_and_no_case_is_without_a_code():
    assert sorted(path.name for path in CASES.iterdir() if path.name != "base") == [
        f"{code.id}-{code.name}" for code in CODES.values()
    ]


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_its_case_says_it_in_the_words_of_its_declaration(code):
    """That llmspec says so today is tests/test_cases.py."""
    said = (CASES / f"{code.id}-{code.name}" / "expected.txt").read_text("utf-8")
    pattern = "".join(
        re.escape(literal) + (".+" if field is not None else "")
        for literal, field, _, _ in Formatter().parse(code.message)
    )
    assert re.match(rf"{code.severity}\[{code.id}\]: {pattern}\n", said), said


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_its_case_shows_where_and_what_to_do(code):
    said = (CASES / f"{code.id}-{code.name}" / "expected.txt").read_text("utf-8")
    assert re.search(r"^ *--> \S+:\d+:\d+$", said, re.MULTILINE)
    assert "= help: " in said or code.id in WITHOUT_HELP, f"say what to write instead:\n{said}"


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_it_has_a_page_with_its_example(code):
    text = page(code)
    assert (page_root() / f"{code.id}.md").read_text("utf-8") == text
    assert text.startswith(f"# {code.id} {code.name}\n")
    assert f"{code.severity}[{code.id}]: " in text
    assert " ".join(code.why.split()) in " ".join(text.split())


def explain(*arguments):
    run = subprocess.run(
        [sys.executable, "-m", "llmspec", "explain", *arguments], capture_output=True, text=True, check=False
    )
    return run.returncode, run.stdout, run.stderr


def test_explain_lists_all_and_prints_one():
    status, listed, _ = explain()
    assert status == 0
    assert listed == "".join(f"{code.id}  {code.name}\n" for code in CODES.values())
    assert explain("ls202") == (0, page(CODES["LS202"]), "")


def test_explain_of_an_unknown_code_names_the_nearest():
    status, _, said = explain("LS2020")
    assert status == 2
    assert "did you mean" in said
