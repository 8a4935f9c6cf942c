"""What is shown: findings in the wanted format, messages, and the end of a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

import click

from llmspec.report.diagnostic import Diagnostic
from llmspec.report.writers import NAMES, writer
from llmspec.report.writers.style import Style, choose_color

FOR_PEOPLE = ("full", "concise")
FINE, FINDINGS, FAULT = 0, 1, 2

paths_argument = click.argument("paths", nargs=-1, type=click.Path(path_type=__import__("pathlib").Path))
format_option = click.option(
    "--output-format",
    type=click.Choice(NAMES),
    default="full",
    envvar="LLMSPEC_OUTPUT_FORMAT",
    show_default=True,
    help="How findings are written; all but full and concise go to standard output.",
)
assume_option = click.option(
    "--assume-like",
    "assume",
    multiple=True,
    metavar="[KIND=]VERSION",
    help="Take engines of a version that is not in the catalogue to be like this one.",
)
color_option = click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour findings."
)


def show(diagnostics: Iterable[Diagnostic], output_format: str, color: str) -> None:
    """Write the findings: for people to standard error, for programs to standard output."""
    rows = list(diagnostics)
    stream: Any = sys.stderr if output_format in FOR_PEOPLE else sys.stdout
    is_colored = output_format in FOR_PEOPLE and choose_color(color, stream, os.environ)
    text = (
        writer(output_format)(rows, Style(color=is_colored, width=100))
        if rows or output_format not in FOR_PEOPLE
        else ""
    )
    stream.write(text)
    stream.flush()


def tell(message: str) -> None:
    """A line for people."""
    click.echo(message, err=True)


def status(diagnostics: Iterable[Diagnostic]) -> int:
    """The exit status that findings ask for."""
    return FINDINGS if any(row.severity == "error" for row in diagnostics) else FINE
