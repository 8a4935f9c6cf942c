"""The manual page of a code: its declaration, and the example that has it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from llmspec.report.code import CODES, Code

PAGES = Path(__file__).parent.parent / "pages"
"""Pages as they ship; made from the declarations and the failing examples by `make docs`."""


def load_codes() -> dict[str, Code]:
    """Every code, by number: all modules that declare any are imported."""
    from llmspec.compiler import parts, rules  # noqa: PLC0415

    parts()
    rules()
    for module in ("llmspec.lock.make", "llmspec.cli.compile"):
        import_module(module)
    return dict(sorted(CODES.items()))


def page(code: Code) -> str:
    """The page: Markdown that reads well in a terminal."""
    shipped = PAGES / f"{code.id}.md"
    return shipped.read_text("utf-8") if shipped.is_file() else head(code)


def head(code: Code) -> str:
    """What the declaration alone says."""
    stage = {"error": "An error", "warning": "A warning"}[code.severity]
    return f"# {code.id} {code.name}\n\n{stage} of the step *{code.stage}*.\n\n{code.why}\n"
