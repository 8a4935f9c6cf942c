"""Writes the pages that are made from the code and the tests; `--check` writes nothing and names what is stale.

To add an output, add its line to `OUTPUTS`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from makers import codes, engines, language

from llmspec.cli.manual import load_codes
from llmspec.render.json import dump
from llmspec.spec.schema import json_schema

DOCS = Path(__file__).parent

OUTPUTS: list[tuple[str, Callable[[], str]]] = [
    ("codes/README.md", partial(codes.index, load_codes())),
    *((f"codes/{code.id}.md", partial(codes.page, code)) for code in load_codes().values()),
    ("engines/README.md", engines.index),
    *((f"engines/{kind}.md", partial(engines.page, kind)) for kind in engines.kinds()),
    ("reference/language.md", language.page),
    ("reference/llm.schema.json", lambda: dump(json_schema())),
]
"""Paths below docs/, and what makes their texts. Nothing but these may lie in codes/."""


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    texts = {DOCS / path: make() for path, make in OUTPUTS}
    stale = list(_stale(texts))
    for path in stale:
        print(f"{'stale' if '--check' in arguments else 'written'}: docs/{path.relative_to(DOCS).as_posix()}")
    if "--check" in arguments:
        return 1 if stale else 0
    for path in stale:
        _write(path, texts.get(path))
    return 0


def _stale(texts: dict[Path, str]) -> Iterator[Path]:
    yield from (path for path, text in texts.items() if not path.is_file() or path.read_text("utf-8") != text)
    yield from sorted(set((DOCS / "codes").glob("*")) - set(texts))


def _write(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
