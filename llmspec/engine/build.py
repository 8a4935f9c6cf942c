"""Runs the steps of an order, as build.sh does in the image, with progress, and writes down what came of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from llmspec.engine.order import Order, Step

BLOCK = 1 << 20
DIGESTS = "digests"
"""Name of the file with the digests of what was built, followed by `-X.Y.json` or `.json`."""

Tell = Callable[[str], None]


class StepFailed(Exception):
    """A step failed; the message is a sentence. What was done before is kept, and the next run goes on from there."""


class Place(Struct, frozen=True, kw_only=True):
    """Where a build reads and writes. `tools` is what the image brings."""

    source: Path
    tools: Path
    result: Path
    capability: str

    @property
    def suffix(self) -> str:
        return f"-{self.capability}" if self.capability else ""

    @property
    def work(self) -> Path:
        return self.result.with_name(f"{self.result.name}.work{self.suffix}")

    @property
    def mark(self) -> Path:
        return self.result / f".complete{self.suffix}"


def prepare(order: Order, steps: tuple[Step, ...], place: Place) -> None:
    """Make the working folder: links to the source and the tools, and what is not built but copied."""
    (place.work / "out").mkdir(parents=True, exist_ok=True)
    for name, target in (("source", place.source), ("tools", place.tools)):
        link = place.work / name
        link.unlink(missing_ok=True)
        link.symlink_to(target.resolve())
    repository = place.tools / "repository"
    if repository.is_dir():
        shutil.copytree(repository, place.work / "out" / "repository", dirs_exist_ok=True)
    for step in steps or order.steps:
        for output in step.outputs:
            (place.work / output).parent.mkdir(parents=True, exist_ok=True)


def is_done(step: Step, work: Path) -> bool:
    """Whether a step's outputs are there, none older than an input."""
    outputs = [work / path for path in step.outputs]
    if not outputs or not all(path.exists() for path in outputs):
        return False
    inputs = [work / path for path in step.inputs if (work / path).exists()]
    oldest = min(path.stat().st_mtime_ns for path in outputs)
    return all(path.stat().st_mtime_ns <= oldest for path in inputs)


def run_step(step: Step, work: Path, tell: Tell) -> None:
    """Run one step, each line of its output told as it comes. Raises `StepFailed`.

    Outputs of a step that fails are removed, so that the next run does not take them for finished.
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    try:
        with subprocess.Popen(
            step.argv, cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace",
        ) as process:  # fmt: skip
            for line in process.stdout or ():
                tell(line.rstrip("\n"))
    except OSError as error:
        raise StepFailed(f"`{step.argv[0]}` cannot be run: {error.strerror}") from None
    missing = [path for path in step.outputs if not (work / path).exists()]
    if process.returncode == 0 and not missing:
        return
    for path in step.outputs:
        (work / path).unlink(missing_ok=True)
    what = f"ended with {process.returncode}" if process.returncode else f"made no {missing[0]}"
    raise StepFailed(f"the step `{step.name}` {what}: {' '.join(step.argv)}")


def settle(order: Order, place: Place) -> dict[str, object]:
    """Move what was built into its place, file by file, because builds for other GPUs may fill the same folder; give
    the digests that were written beside it.
    """
    done = digests(order, place)
    out = place.work / "out"
    for path in sorted(out.rglob("*")):
        if path.is_file():
            target = place.result / path.relative_to(out)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    shutil.rmtree(place.work)
    return done


def digests(order: Order, place: Place) -> dict[str, object]:
    """SHA-256 of what went in and what came out, by path; exact versions of what built it."""
    outputs = {path: _sha256(place.work / path) for path in _files(place.work / "out", place.work)}
    inputs = {path: _sha256(place.work / path) for path in _inputs(order, place.work)}
    built_for = place.capability or None
    return {
        "model": order.model,
        "requires": order.requires,
        "capability": built_for,
        "inputs": inputs,
        "outputs": outputs,
    }


def _inputs(order: Order, work: Path) -> Iterator[str]:
    named = {path for step in order.steps for path in step.inputs if path.startswith(("source/", "tools/"))}
    yield from (path for path in sorted(named) if (work / path).is_file())


def _files(folder: Path, work: Path) -> Iterator[str]:
    yield from (path.relative_to(work).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())


def _sha256(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
