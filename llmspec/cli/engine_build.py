"""`llmspec engine build`."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path

import click

from llmspec.cli.output import FAULT, FINDINGS, tell
from llmspec.engine.build import DIGESTS, Place, StepFailed, is_done, prepare, run_step, settle
from llmspec.engine.order import BadOrder, Order, Step, look, problems, read_order
from llmspec.render.json import dump

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("build")
@click.argument("order", type=click.Path(exists=True, path_type=Path))
@click.option("--source", type=FOLDER, required=True, help="Folder of the weights.")
@click.option("--result", type=FOLDER, required=True, help="Folder of what is built: complete, or not there.")
@click.option("--lane", type=click.Choice(["all", "cpu", "gpu"]), default="all", help="Steps that need a GPU, or not.")
@click.option("--capability", default="", metavar="X.Y", help="Compute capability to build for.  [default: this GPU's]")
@click.option("--dry-run", is_flag=True, help="Print the commands, run nothing.")
def build(order: Path, source: Path, result: Path, lane: str, capability: str, dry_run: bool) -> None:
    """Run the build steps that compile wrote into ORDER, `engine/<model>/` of the generated files, on this machine.

    Refuses a TensorRT of another release than the image that serves. A step whose outputs are there and newer than its
    inputs is not run again. Digests of what went in and came out are written beside the result.
    """
    try:
        read = read_order(order)
    except BadOrder as error:
        _stop(str(error))
    if capability and capability not in read.capabilities:
        known = ", ".join(read.capabilities) or "one result for every GPU"
        raise click.BadParameter(f"nothing is built for {capability}; there is {known}", param_hint="--capability")
    if dry_run:
        _show(read.chosen(lane, capability))
        return
    machine = look(read.requires)
    if not capability and read.capabilities:
        able = [each for each in read.capabilities if each in machine.capabilities] or list(read.capabilities)
        if len(able) > 1:
            known = " or ".join(f"`--capability {each}`" for each in able)
            raise click.UsageError(f"the result is made once for each compute capability; name one: {known}")
        capability = able[0]
    steps = read.chosen(lane, capability)
    wrong = problems(read, steps, machine)
    for problem in wrong:
        tell(f"error: {problem}")
    if wrong:
        sys.exit(FINDINGS)
    folder = order if order.is_dir() else order.parent
    place = Place(source=source, tools=folder / read.tools, result=result.absolute(), capability=capability)
    _build(read, steps, place, is_settled=lane != "cpu")


def _show(steps: tuple[Step, ...]) -> None:
    for step in steps:
        click.echo(f"# [{step.lane}] {step.purpose}\n{shlex.join(step.argv)}")


def _build(order: Order, steps: tuple[Step, ...], place: Place, *, is_settled: bool) -> None:
    if place.mark.exists():
        tell(f"{place.result.as_posix()} is complete")
        return
    if not place.source.is_dir():
        _stop(f"there is no folder {place.source.as_posix()}")
    try:
        prepare(order, steps, place)
        for number, step in enumerate(steps, 1):
            _run(f"[{number}/{len(steps)} {step.lane}]", step, place)
        if is_settled:
            _settle(order, place)
    except StepFailed as error:
        _stop(f"{error}; run the same again to go on from here")
    except OSError as error:
        _stop(f"{error.filename}: {error.strerror}")


def _run(head: str, step: Step, place: Place) -> None:
    if is_done(step, place.work):
        tell(f"{head} {step.name}: done before")
        return
    tell(f"{head} {step.name}: {step.purpose}")
    clock = time.perf_counter()
    run_step(step, place.work, lambda line: tell(f"    {line}"))
    tell(f"{head} {step.name}: {time.perf_counter() - clock:.0f} s")


def _settle(order: Order, place: Place) -> None:
    text = dump(settle(order, place))
    (place.result / f"{DIGESTS}{place.suffix}.json").write_text(text, "utf-8")
    place.mark.touch()
    tell(f"{place.result.as_posix()} is complete")


def _stop(problem: str) -> None:
    tell(f"error: {problem}")
    sys.exit(FAULT)
