"""The manual pages of codes, from their declarations and the cases that have them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from makers.markdown import grid

from llmspec.cli.manual import head
from llmspec.report.code import STAGES, Code

CASES = Path(__file__).parents[2] / "tests" / "cases"
SETUP, COMMAND, EXPECTED = "setup", "command", "expected.txt"
LANGUAGES = {
    ".yaml": "yaml",
    ".lock": "yaml",
    ".json": "json",
    ".jsonl": "json",
    ".py": "python",
    ".txt": "ini",
    ".jinja": "jinja",
    "": "text",
}


def page(code: Code) -> str:
    """The page of one code. Raises `FileNotFoundError` if it has no case."""
    case = CASES / f"{code.id}-{code.name}"
    return head(code) + "".join(_example(case)) + f"\n## What llmspec says\n\n{_fenced('console', _session(case))}"


def _example(case: Path) -> Iterator[str]:
    """The files of the case, llm.yaml first."""
    paths = [path for path in case.rglob("*") if path.is_file() and path.name not in (SETUP, COMMAND, EXPECTED)]
    names = sorted((path.relative_to(case).as_posix() for path in paths), key=lambda name: (name != "llm.yaml", name))
    yield "\n## Example\n" if names else ""
    for name in names:
        text = (case / name).read_text("utf-8")
        yield f"\n`{name}`:\n\n{_fenced(LANGUAGES[Path(name).suffix], text)}"


def _session(case: Path) -> str:
    """What the terminal shows, without the summary at its end."""
    scripts = [_read(case / SETUP), _read(case / COMMAND) or "llmspec check\n"]
    typed = "".join(f"$ {line}\n" for script in scripts for line in script.splitlines())
    return typed + (case / EXPECTED).read_text("utf-8").rpartition("\nfound ")[0]


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```\n"


def index(codes: dict[str, Code]) -> str:
    """The table of all codes, by stage."""
    rows = "".join(_stage(digit, name, codes) for digit, name in STAGES.items())
    return (
        "# Codes\n\nEvery finding has a code, and every code a page: what it means, why it matters, and an example. "
        "`llmspec explain LS202` prints one in the terminal. The first digit names the step that says it.\n" + rows
    )


def _stage(digit: str, name: str, codes: dict[str, Code]) -> str:
    rows = [
        (f"[{code.id}]({code.id}.md)", code.name, code.severity, _message(code))
        for code in codes.values()
        if code.id[2] == digit
    ]
    return f"\n## {digit}: {name}\n\n{grid(('code', 'name', 'severity', 'message'), rows)}" if rows else ""


def _message(code: Code) -> str:
    """The message with an ellipsis for each fact."""
    parts = Formatter().parse(code.message)
    return "".join(literal + ("…" if field is not None else "") for literal, field, _, _ in parts)
