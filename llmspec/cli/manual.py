"""The manual page of a code: its declaration, and the example that has it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from textwrap import fill

from llmspec.report.code import CODES, Code

WIDTH = 100
"""Columns of a page's text."""


def load_codes() -> dict[str, Code]:
    """Every code, by number: all modules that declare any are imported."""
    from llmspec.compiler import parts, rules  # noqa: PLC0415

    parts()
    rules()
    for module in ("llmspec.lock.make", "llmspec.cli.compile"):
        import_module(module)
    return dict(sorted(CODES.items()))


def page_root() -> Path:
    """In a wheel the pages lie inside the package; in a checkout, in docs/. `make docs` makes them."""
    package = Path(__file__).parent.parent
    shipped = package / "pages"
    return shipped if shipped.is_dir() else package.parent / "docs" / "codes"


def page(code: Code) -> str:
    """The page: Markdown that reads well in a terminal. A code of another distribution has its declaration alone."""
    made = page_root() / f"{code.id}.md"
    return made.read_text("utf-8") if made.is_file() else head(code)


def head(code: Code) -> str:
    """What the declaration alone says."""
    stage = {"error": "An error", "warning": "A warning"}[code.severity]
    return f"# {code.id} {code.name}\n\n{stage} of the step *{code.stage}*.\n\n{fill(code.why, WIDTH)}\n"
