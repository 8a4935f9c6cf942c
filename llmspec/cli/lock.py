"""`llmspec lock`."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from llmspec.artifacts.folder import Unreadable
from llmspec.cli.output import (
    FAULT,
    FINDINGS,
    assume_option,
    color_option,
    format_option,
    paths_argument,
    show,
    status,
    tell,
)
from llmspec.cli.specs import SpecFile, find, source_of
from llmspec.compiler import read
from llmspec.lock.facts import NoFacts
from llmspec.lock.lock import FILE, Lock, write
from llmspec.lock.lock import read as read_lock
from llmspec.lock.make import Wanted, make
from llmspec.lock.registry import resolve
from llmspec.report.diagnostic import Diagnostic
from llmspec.report.report import Failed, Report


@click.command("lock")
@paths_argument
@click.option("--update", multiple=True, metavar="NAME", help="Resolve again what has NAME in its reference.")
@click.option("--check", "is_check", is_flag=True, help="Write nothing; exit with 1 if the lock would change.")
@assume_option
@format_option
@color_option
def command(
    paths: tuple[Path, ...],
    update: tuple[str, ...],
    is_check: bool,
    assume: tuple[str, ...],
    output_format: str,
    color: str,
) -> None:
    """Pin everything that specs point at: files by digest, images and actions too, models with their facts.

    What is pinned stays so until --update names it. This is the only command that may use a network, and only for
    images that neither the old lock nor the catalogue knows.
    """
    specs = find(paths, set())
    if not specs:
        raise click.UsageError("there is no llm.yaml here")
    rows: list[Diagnostic] = []
    stale = False
    for spec in specs:
        said, text = _lock(spec, update, assume)
        rows += said
        if text is not None:
            stale |= _settle(spec, text, is_check=is_check)
    show(rows, output_format, color)
    sys.exit(status(rows) or (FINDINGS if is_check and stale else 0))


def _lock(
    spec: SpecFile, update: tuple[str, ...], assume: tuple[str, ...]
) -> tuple[tuple[Diagnostic, ...], str | None]:
    """What is to be said, and the text of the new lock if nothing is wrong."""
    source, report = source_of(spec)
    if report.errors:
        return report.diagnostics(), None
    try:
        loaded = read(source, report, assume)
    except Failed:
        return report.diagnostics(), None
    wanted = [Wanted(each.spec, each.report) for each in loaded]
    lock = make(wanted, _old(spec), update, spec.folder, resolve, _read_graph)
    return report.diagnostics(), None if report.errors else write(lock)


def _old(spec: SpecFile) -> Lock:
    """The lock that is there; a broken one is made anew from nothing."""
    with suppress(Unreadable):
        data = spec.folder.read(FILE)
        return read_lock(FILE, data, Report(source_of(spec)[0])).lock
    return Lock()


def _settle(spec: SpecFile, text: str, *, is_check: bool) -> bool:
    """Write the lock if it differs; True if it does."""
    path = spec.path.parent / FILE
    with suppress(Unreadable):
        if spec.folder.read(FILE).decode("utf-8", "replace") == text:
            tell(f"{path.as_posix()} is current")
            return False
    if is_check:
        tell(f"{path.as_posix()} is not current: run `llmspec lock`")
        return True
    temporary = path.with_name(f".{FILE}.{os.getpid()}")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        tell(f"error: {path.as_posix()} cannot be written: {error.strerror}")
        sys.exit(FAULT)
    tell(f"{path.as_posix()} written")
    return True


def _read_graph(path: Path) -> Any:
    from llmspec.engine.onnx_graph import BadGraph, NoOnnx, check_graph, read_graph  # noqa: PLC0415 - imports onnx

    try:
        graph, faults = read_graph(path), check_graph(path)
    except (BadGraph, NoOnnx) as error:
        raise NoFacts(str(error)) from None
    if faults:
        raise NoFacts("; ".join(faults))
    return graph
