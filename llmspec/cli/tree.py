"""A tree of files, each with the line that says what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmspec.artifacts.compare import Difference
from llmspec.artifacts.tree import Tree

WIDEST = 46


def drawn(tree: Tree, folder: str, difference: Difference) -> str:
    """The files of a service below `folder`. `+` marks new ones, `~` changed ones, `-` what is gone."""
    marks = dict.fromkeys(difference.new, "+") | dict.fromkeys(difference.changed, "~")
    root: dict[str, Any] = {}
    for file in tree.files:
        place = root
        *folders, name = file.path.split("/")
        for each in folders:
            place = place.setdefault(each, {})
        place[name] = (marks.get(file.path, " "), file.purpose)
    gone = "".join(f"- {path}\n" for path in difference.removed)
    return f"{folder}/\n" + "".join(_lines(root, "")) + gone


def _lines(folder: dict[str, Any], indent: str) -> Iterator[str]:
    rows = list(folder.items())
    for number, (name, value) in enumerate(rows):
        is_last = number == len(rows) - 1
        branch, deeper = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        if isinstance(value, dict):
            yield f"  {indent}{branch}{name}/\n"
            yield from _lines(value, indent + deeper)
        else:
            mark, purpose = value
            yield f"{mark} {f'{indent}{branch}{name}':<{WIDEST}} {purpose}\n"
