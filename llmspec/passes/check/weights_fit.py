"""Weights alone fit into the memory of their GPUs. What else needs memory is not counted here."""

from __future__ import annotations

from llmspec.catalog.tables import gpus
from llmspec.passes.resolve import Resolved, ResolvedModel
from llmspec.report.code import Code
from llmspec.report.report import Report

WEIGHTS_DO_NOT_FIT = Code(
    "LS335", "weights-do-not-fit", "{need:.1f} GiB of weights for each GPU, and `{gpu}` has {has:.1f} GiB",
    why="The weights alone are larger than the memory of the GPUs they are split over; no setting makes that start.",
)  # fmt: skip

GIB = 2**30


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        has = gpus()[each.gpu.sku].memory_mib / 1024
        need = each.facts.weight_bytes / each.model.parallelism.tensor / GIB
        if need > has:
            report.say(
                WEIGHTS_DO_NOT_FIT,
                (*each.at, "parallelism", "tensor") if each.model.parallelism.tensor > 1 else each.at,
                need=need,
                gpu=each.gpu.sku,
                has=has,
                also=[(tuple(each.gpu.origin.split(".")), "this GPU")],
                help=_ways_out(each, has),
            )


def _ways_out(each: ResolvedModel, has: float) -> str:
    total, heads = each.facts.weight_bytes / GIB, each.facts.attention_heads or 1
    counts = [count for count in (2, 4, 8) if total / count <= has and heads % count == 0]
    larger = [name for name, row in gpus().items() if row.memory_mib / 1024 >= total / each.model.parallelism.tensor]
    ways = [f"`parallelism: {{tensor: {counts[0]}}}`"] if counts else []
    return "write " * bool(ways or larger) + " or ".join(ways + [f"`hardware: {{gpu: {name}}}`" for name in larger[:1]])
