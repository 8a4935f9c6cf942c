"""`llmspec engine`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from llmspec.cli.engine_build import build
from llmspec.cli.output import FAULT, FINDINGS, tell
from llmspec.engine.onnx_graph import BadGraph, Graph, NoOnnx, check_graph, read_graph
from llmspec.plan.build import Tensor
from llmspec.render.json import dump

UNITS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


@click.group("engine")
def command() -> None:
    """Look at what engines are built from, and build them on a GPU machine."""


command.add_command(build)


@command.command("inspect")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", help="How it is shown.")
def inspect(path: Path, output_format: str) -> None:
    """Show an ONNX graph: inputs and outputs with their axes, opset, parameters, size. Weights are never loaded.

    Exits with 1 if something is wrong with the graph.
    """
    try:
        graph, faults = read_graph(path), check_graph(path)
    except NoOnnx as error:
        tell(f"error: {error}")
        sys.exit(FAULT)
    except BadGraph as error:
        tell(f"error: {error}")
        sys.exit(FINDINGS)
    click.echo(dump(_data(graph, faults)) if output_format == "json" else "".join(_lines(graph)), nl=False)
    for fault in faults:
        tell(f"error: {path.as_posix()}: {fault}")
    sys.exit(FINDINGS if faults else 0)


def _data(graph: Graph, faults: list[str]) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(graph)
    return {**data, "faults": faults}


def _lines(graph: Graph) -> Iterator[str]:
    yield f"opset       {graph.opset} (IR version {graph.ir_version})\n"
    yield f"parameters  {graph.parameters:,}\n"
    yield f"weights     {_size(graph.weight_bytes)}\n"
    for location, needed in graph.external:
        yield f"            {_size(needed)} of them in {location}\n"
    yield f"types       {', '.join(f'{count:,} {name}' for name, count in graph.dtypes) or 'none'}\n"
    yield from _tensors("inputs", graph.inputs)
    yield from _tensors("outputs", graph.outputs)
    dynamic = sorted({axis for each in graph.inputs for axis in each.shape if isinstance(axis, str)})
    yield f"axes        {', '.join(dynamic) if dynamic else 'none is dynamic'}\n"
    yield f"operators   {', '.join(f'{count} {name}' for name, count in graph.ops)}\n"


def _tensors(title: str, tensors: tuple[Tensor, ...]) -> Iterator[str]:
    for number, each in enumerate(tensors):
        shape = ", ".join(str(axis) for axis in each.shape)
        yield f"{title if number == 0 else '':<11} {each.name}: {each.dtype}[{shape}]\n"


def _size(count: int) -> str:
    unit = next(((factor, name) for factor, name in UNITS if count >= factor), None)
    return f"{count / unit[0]:.1f} {unit[1]}" if unit else f"{count} B"
