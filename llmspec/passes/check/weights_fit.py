"""Weights alone fit into the memory of their GPUs. What else needs memory is not counted here."""

from __future__ import annotations

from llmspec.catalog.tables import gpus
from llmspec.passes.networks import network
from llmspec.passes.resolve import Resolved
from llmspec.plan.network import Network
from llmspec.report.code import Code
from llmspec.report.report import Report

WEIGHTS_DO_NOT_FIT = Code(
    "LS335", "weights-do-not-fit", "{need:.1f} GiB of weights for each GPU, and `{gpu}` has {has:.1f} GiB",
    why="The weights alone are larger than the memory of the GPUs they are split over; no setting makes that start.",
)  # fmt: skip

GIB = 2**30


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        net = network(resolved, each)
        split = net.parallel.tensor * net.parallel.pipeline * (net.parallel.data if net.parallel.expert > 1 else 1)
        for gpu in net.gpus:
            has, need = gpu.memory / GIB, net.served_bytes / split / GIB
            if need > has:
                at = (*each.at, "parallelism", "tensor") if net.parallel.tensor > 1 else each.at
                also = [(gpu.at, "this GPU")]
                hint = _ways_out(net, has)
                report.say(WEIGHTS_DO_NOT_FIT, at, need=need, gpu=gpu.sku, has=has, also=also, help=hint)


def _ways_out(net: Network, has: float) -> str:
    total, heads = net.served_bytes / GIB, net.facts.attention_heads or 1
    counts = [count for count in (2, 4, 8) if total / count <= has and heads % count == 0]
    larger = [name for name, row in gpus().items() if row.memory_mib / 1024 >= total / net.parallel.tensor]
    ways = [f"`parallelism: {{tensor: {counts[0]}}}`"] if counts else []
    return "write " * bool(ways or larger) + " or ".join(ways + [f"`hardware: {{gpu: {name}}}`" for name in larger[:1]])
