"""`llmspec compile`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click
from msgspec import Struct

from llmspec.artifacts.compare import Difference, compare, unified
from llmspec.artifacts.stamp import record
from llmspec.artifacts.tree import MANIFEST, folders
from llmspec.artifacts.write import CannotWrite, write
from llmspec.cli.output import (
    FAULT,
    FINDINGS,
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
from llmspec.cli.tree import drawn
from llmspec.compiler import Compiled
from llmspec.compiler import compile as compile_spec
from llmspec.report.code import Code
from llmspec.report.diagnostic import Diagnostic
from llmspec.report.nearest import did_you_mean
from llmspec.report.place import Source, Span, top
from llmspec.report.report import Failed, Report
from llmspec.syntax.node import locate
from llmspec.syntax.parse import parse

SAME_OUTPUT = Code(
    "LS902", "same-output-folder", "`{name}` is also the name of the service in {other}",
    why="Both would be written to one folder, and each would remove the files of the other.",
)  # fmt: skip


class Done(Struct, frozen=True):
    """A spec that compiled, and the folder of its files."""

    spec: SpecFile
    compiled: Compiled
    folder: Path


@click.command("compile")
@paths_argument
@click.option("--env", metavar="NAME", help="Write the files of one environment; all are checked all the same.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder that gets one folder a service.  [default: generated, at the root of the repository]",
)
@click.option("--check", "is_check", is_flag=True, help="Write nothing; exit with 1 if anything would change.")
@click.option("--diff", "is_diff", is_flag=True, help="Write nothing; show what would change.")
@assume_option
@format_option
@color_option
def command(
    paths: tuple[Path, ...],
    env: str | None,
    output: Path | None,
    is_check: bool,
    is_diff: bool,
    assume: tuple[str, ...],
    output_format: str,
    color: str,
) -> None:
    """Compile specs into files.

    PATHS are files, or folders that are searched for llm.yaml; by default the current one. If any spec has errors,
    nothing is written.
    """
    started, clock, seen = time.time_ns(), time.perf_counter(), set[str]()
    specs = find(paths, seen)
    if not specs:
        raise click.UsageError("there is no llm.yaml here")
    done, rows = _compile_all(specs, output, assume)
    show(rows, output_format, color)
    if status(rows):
        sys.exit(FINDINGS)
    prefix = _prefix(done, env)
    if is_check or is_diff:
        sys.exit(_compared(done, prefix, is_diff=is_diff))
    message = _write_all(done, prefix, time.perf_counter() - clock)
    if message and not rows and output_format in FOR_PEOPLE:
        _record(seen, done, message, started)


def _compile_all(
    specs: list[SpecFile], output: Path | None, assume: tuple[str, ...]
) -> tuple[list[Done], list[Diagnostic]]:
    done: dict[Path, Done] = {}
    rows: list[Diagnostic] = []
    for spec in specs:
        source, report = source_of(spec)
        each = None if report.errors else _compile(spec, source, report, output, assume)
        if each and each.folder in done:
            other = done[each.folder].spec.path.as_posix()
            report.say(SAME_OUTPUT, _place_of_name(source), name=each.compiled.name, other=other, help="rename one")
        elif each:
            done[each.folder] = each
        rows += report.diagnostics()
    return list(done.values()), rows


def _place_of_name(source: Source) -> Span:
    node = parse(source, Report(source))
    return locate(node, ("metadata", "name")) if node else top(source)


def _compile(
    spec: SpecFile, source: Source, report: Report, output: Path | None, assume: tuple[str, ...]
) -> Done | None:
    base = Path(os.path.realpath(output)) if output else spec.root / "generated"
    try:
        compiled = compile_spec(
            source, spec.folder, report, _inside(spec.folder.root, spec.root), _inside(base, spec.root), assume
        )
    except Failed:
        return None
    return Done(spec, compiled, base / compiled.name)


def _inside(folder: Path, root: Path) -> str:
    """A folder as the pipeline knows it: from the root of the repository. One outside has no place in a pipeline, which
    then says where it would be by default.
    """
    return folder.relative_to(root).as_posix() if folder == root or root in folder.parents else "generated"


def _prefix(done: list[Done], env: str | None) -> str:
    known = {name for each in done for name in each.compiled.environments}
    if env is not None and env not in known:
        raise click.BadParameter(f"no spec has an environment `{env}`. {did_you_mean(env, known)}", param_hint="--env")
    return f"{env}/" if env else ""


def _compared(done: list[Done], prefix: str, *, is_diff: bool) -> int:
    stale = 0
    for each in done:
        difference = compare(each.compiled.tree, each.folder, prefix)
        stale += difference.stale
        if is_diff:
            click.echo(unified(each.compiled.tree, each.folder, prefix), nl=False)
        for mark, path in _changes(difference):
            tell(f"{mark} {_near(each.folder)}/{path}")
    tell(f"{stale} of {len(done)} not current: run `llmspec compile`" if stale else f"{_services(len(done))} current")
    return FINDINGS if stale else 0


def _changes(difference: Difference) -> list[tuple[str, str]]:
    marks = (("new    ", difference.new), ("changed", difference.changed), ("removed", difference.removed))
    return [(mark, path) for mark, paths in marks for path in paths]


def _write_all(done: list[Done], prefix: str, seconds: float) -> str:
    """Write, show, and return what an unchanged run would say; nothing if it would have more to say."""
    notes = []
    for each in done:
        try:
            difference = write(each.compiled.tree, each.folder, prefix)
        except CannotWrite as error:
            tell(f"error: {error}")
            sys.exit(FAULT)
        click.echo(drawn(each.compiled.tree, _near(each.folder), difference), nl=False)
        notes += _notes(difference, _near(each.folder))
    for note in notes:
        tell(f"note: {note}")
    total = sum(len(each.compiled.tree.files) for each in done)
    what = f"{total} files of {_services(len(done))}"
    tell(f"Compiled {what} in {seconds:.2f} s.")
    return "" if notes else f"{what}: nothing has changed."


def _services(count: int) -> str:
    return "1 service" if count == 1 else f"{count} services"


def _notes(difference: Difference, folder: str) -> list[str]:
    edited = [f"{folder}/{path} had been edited by hand; it is as compiled again" for path in difference.edited]
    return edited + [f"{folder}/{path} is not ours; it was left as it is" for path in difference.foreign]


def _near(folder: Path) -> str:
    """A folder as seen from here, if it is below."""
    here = Path.cwd()
    return folder.relative_to(here).as_posix() if here in folder.parents else folder.as_posix()


def _record(seen: set[str], done: list[Done], message: str, started: int) -> None:
    inputs = seen | {path for each in done for path in each.spec.folder.seen}
    outputs = {path for each in done for path in _outputs(each)}
    record(sys.argv[1:], inputs, outputs, message, started=started)


def _outputs(each: Done) -> set[str]:
    """Every file of a service and every folder that holds one: a file that is added or removed changes its folder."""
    paths = [file.path for file in each.compiled.tree.files]
    return {str(each.folder), *(f"{each.folder}/{path}" for path in (MANIFEST, *paths, *folders(paths)))}
