"""Pieces of Markdown that the makers of pages share."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill
from typing import Any


def named(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def wrapped(text: str) -> str:
    return fill(text, 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def escaped(text: str) -> str:
    return text.replace("|", "\\|")


def grid(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """A table."""
    titles = list(head)
    rows = ([f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"], [f"| {' | '.join(line)} |" for line in lines])
    return "".join(f"{row}\n" for part in rows for row in part)


def whole(section: Any) -> str:
    """The docstring, in one paragraph."""
    return " ".join((section.__doc__ or "").split())


def line(section: Any) -> str:
    """The beginning of the docstring, up to the first full stop."""
    return whole(section).partition(". ")[0].rstrip(".")
