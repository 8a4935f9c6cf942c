"""`llmspec check`."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path

import click

from llmspec.artifacts.stamp import record
from llmspec.cli.output import (
    FINE,
    FOR_PEOPLE,
    assume_option,
    color_option,
    format_option,
    paths_argument,
    show,
    status,
    tell,
)
from llmspec.cli.specs import SpecFile, find, source_of
from llmspec.compiler import check
from llmspec.report.diagnostic import Diagnostic
from llmspec.report.report import Failed


@click.command("check")
@paths_argument
@assume_option
@format_option
@color_option
def command(paths: tuple[Path, ...], assume: tuple[str, ...], output_format: str, color: str) -> None:
    """Check specs: every environment, every finding, nothing written.

    PATHS are files, or folders that are searched for llm.yaml; by default the current one.
    """
    started, seen = time.time_ns(), set[str]()
    specs = find(paths, seen)
    if not specs:
        raise click.UsageError("there is no llm.yaml here")
    rows = [row for spec in specs for row in findings(spec, assume)]
    show(rows, output_format, color)
    message = f"{len(specs)} {'spec' if len(specs) == 1 else 'specs'} checked: nothing to say"
    if not rows:
        tell(message)
    if not rows and output_format in FOR_PEOPLE:
        inputs = seen | {path for spec in specs for path in spec.folder.seen}
        record(sys.argv[1:], inputs, (), message, started=started)
    sys.exit(status(rows) or FINE)


def findings(spec: SpecFile, assume: tuple[str, ...] = ()) -> tuple[Diagnostic, ...]:
    """What is to be said of a spec."""
    source, report = source_of(spec)
    if not report.errors:
        with suppress(Failed):
            check(source, spec.folder, report, assume)
    return report.diagnostics()
