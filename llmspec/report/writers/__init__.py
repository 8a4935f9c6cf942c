"""The forms a report is written in: one module each, loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final, TypeAlias

from llmspec.report.diagnostic import Diagnostic
from llmspec.report.writers.style import Style

Writer: TypeAlias = Callable[[Sequence[Diagnostic], Style], str]
"""Diagnostics to a text that ends in a line break, or is empty."""

NAMES: Final = ("full", "concise", "json", "github", "gitlab", "sarif")


def writer(name: str) -> Writer:
    """The writer called `name`; KeyError if it is none of `NAMES`."""
    if name not in NAMES:
        raise KeyError(name)
    write: Writer = import_module(f"{__name__}.{name}").write
    return write
