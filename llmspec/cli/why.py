"""`llmspec why`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

from llmspec.artifacts.tree import MANIFEST
from llmspec.cli.output import FINDINGS, tell
from llmspec.cli.specs import SpecFile, find, source_of
from llmspec.passes.layers import Layer, split
from llmspec.report.place import Source, Span
from llmspec.syntax.node import Node, locate
from llmspec.syntax.parse import parse
from llmspec.syntax.pointer import pointer_at


class Origin(Struct, frozen=True):
    """What the manifest says of one line: the pointer that it belongs to, and the spec paths behind it."""

    service: str
    path: str
    pointer: str
    paths: tuple[str, ...]


@click.command("why")
@click.argument("place", metavar="FILE[:LINE]")
@click.argument("specs", nargs=-1, type=click.Path(path_type=Path))
def command(place: str, specs: tuple[Path, ...]) -> None:
    """Tell which lines of llm.yaml made a line of a generated file.

    The answer comes from the MANIFEST.json beside the file. SPECS are searched for the service's llm.yaml; by default
    the whole repository.
    """
    name, _, number = place.rpartition(":")
    file, line = (Path(name), int(number)) if name and number.isdigit() else (Path(place), 0)
    origin = _origin(file, line)
    what = f"{file.as_posix()}:{line}" if line else file.as_posix()
    click.echo(f"{what} comes from {', '.join(origin.paths)}")
    spec = _spec_of(origin.service, specs, file)
    if spec is None:
        tell(f"no llm.yaml of the service {origin.service} was found here")
        sys.exit(FINDINGS)
    environment = origin.path.partition("/")[0]
    for path in origin.paths:
        span = _span(spec, environment, path)
        click.echo(f"  {span.source.name}:{span.line}:{span.column}  {span.source.line(span.line).strip()}")


def _origin(file: Path, line: int) -> Origin:
    folder = next((each for each in file.absolute().parents if (each / MANIFEST).is_file()), None)
    if folder is None or not file.is_file():
        raise click.UsageError(f"{file.as_posix()} is no generated file: no {MANIFEST} lists it")
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=dict[str, Any])
        path = file.absolute().relative_to(folder).as_posix()
        sources: dict[str, list[str]] = manifest["artifacts"][path]["sources"]
    except (msgspec.MsgspecError, KeyError, TypeError, OSError):
        raise click.UsageError(f"{file.as_posix()} is no generated file: {MANIFEST} does not list it") from None
    pointer = pointer_at(file.name, file.read_text("utf-8", "replace"), line) if line else ""
    longest = max((each for each in sources if pointer == each or pointer.startswith(f"{each}/")), key=len, default="")
    return Origin(str(manifest["service"]), path, longest, tuple(sources.get(longest, ())))


def _spec_of(service: str, specs: tuple[Path, ...], file: Path) -> SpecFile | None:
    root = next((each for each in file.absolute().parents if (each / ".git").exists()), Path.cwd())
    for spec in find(specs or [Path(os.path.relpath(root))], set()):
        source, _ = source_of(spec)
        if f"name: {service}" in source.text:
            return spec
    return None


def _span(spec: SpecFile, environment: str, path: str) -> Span:
    """Where the path is written, in the environment's layer or the base."""
    source, report = source_of(spec)
    document = parse(source, report)
    layers = split(document, report) if document else ()
    node = next((layer.node for layer in layers if layer.environment == environment), None) or _any(layers, source)
    return locate(node, tuple(int(step) if step.isdigit() else step for step in path.split(".")))


def _any(layers: tuple[Layer, ...], source: Source) -> Node:
    if not layers:
        raise click.UsageError(f"{source.name} cannot be read: run `llmspec check`")
    return layers[0].node
