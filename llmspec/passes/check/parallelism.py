"""A model divides evenly over its GPUs, and a replica over its nodes."""

from __future__ import annotations

from llmspec.passes.networks import network
from llmspec.passes.resolve import Resolved, ResolvedModel
from llmspec.plan.network import Network
from llmspec.report.code import Code
from llmspec.report.place import Path
from llmspec.report.report import Report

HEADS_NOT_DIVISIBLE = Code(
    "LS334", "heads-not-divisible", "{heads} attention heads cannot be split over {tensor} GPUs",
    why="Tensor parallelism gives every GPU the same number of heads; engines refuse to start otherwise.",
)  # fmt: skip
KV_HEADS_NOT_DIVISIBLE = Code(
    "LS395", "kv-heads-not-divisible", "{heads} KV heads can be neither split nor copied evenly over {tensor} GPUs",
    why="Each GPU has the same number of KV heads, or each KV head is on the same number of GPUs; engines refuse "
    "anything between.",
)  # fmt: skip
EXPERTS_NOT_DIVISIBLE = Code(
    "LS396", "experts-not-divisible", "{experts} experts cannot be spread over {gpus} GPUs",
    why="Each GPU holds the same number of whole experts; a model without experts has nothing to spread.",
)  # fmt: skip
TOO_MANY_STAGES = Code(
    "LS394", "more-stages-than-layers", "{layers} layers cannot be split into {pipeline} stages",
    why="Each stage of a pipeline has at least one layer.",
)  # fmt: skip
NODES_NOT_FILLED = Code(
    "LS397", "nodes-not-filled", "{gpus} GPUs of a replica cannot be split evenly over nodes of {node}",
    why="The pods of a replica are alike: each asks for all GPUs of a node.",
)  # fmt: skip
ONE_NODE_ONLY = Code(
    "LS398", "engine-on-one-node",
    "a replica needs {gpus} GPUs, a node has {node}, and `kind: {engine}` runs on one node",
    why="Running over several nodes needs a launcher and a network between the pods that this engine's part does not "
    "set up.",
)  # fmt: skip
SEVERAL_KINDS = Code(
    "LS359", "replica-of-several-gpus", "a replica of several GPUs may land on different kinds of them",
    why="The GPUs of one replica wait for the slowest at every layer, and memory is planned by the smallest. "
    "Alternatives are for replicas of one GPU.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        if "parallelism" in each.model.engine.takes:
            net = network(resolved, each)
            _check_heads(each, net, report)
            _check_experts(each, net, report)
            _check_nodes(each, net, report)


def _check_heads(each: ResolvedModel, net: Network, report: Report) -> None:
    tensor, facts, at = net.parallel.tensor, net.facts, (*each.at, "parallelism", "tensor")
    if facts.attention_heads and facts.attention_heads % tensor:
        report.say(
            HEADS_NOT_DIVISIBLE, at, heads=facts.attention_heads, tensor=tensor, help=_use(facts.attention_heads)
        )
    elif facts.kv_heads and facts.kv_heads % tensor and tensor % facts.kv_heads:
        report.say(KV_HEADS_NOT_DIVISIBLE, at, heads=facts.kv_heads, tensor=tensor, help=_use(facts.kv_heads))
    if 0 < facts.layers < net.parallel.pipeline:
        at = (*each.at, "parallelism", "pipeline")
        hint = f"write `pipeline: {facts.layers}` or less"
        report.say(TOO_MANY_STAGES, at, layers=facts.layers, pipeline=net.parallel.pipeline, help=hint)


def _use(heads: int, key: str = "tensor") -> str:
    return "use " + ", ".join(f"`{key}: {count}`" for count in (1, 2, 4, 8, 16) if heads % count == 0)


def _check_experts(each: ResolvedModel, net: Network, report: Report) -> None:
    experts, gpus = net.facts.experts, net.parallel.expert
    if gpus > 1 and (experts == 0 or experts % gpus):
        hint = _use(experts, "expert") if experts else "remove `expert`"
        report.say(
            EXPERTS_NOT_DIVISIBLE, (*each.at, "parallelism", "expert"), experts=experts or "no", gpus=gpus, help=hint
        )


def _check_nodes(each: ResolvedModel, net: Network, report: Report) -> None:
    gpus, node = net.parallel.gpus, net.gpus_per_node
    at: Path = (*each.at, "parallelism") if gpus > 1 else each.at
    also = [((*each.hardware_at, "gpusPerNode"), "GPUs of a node")]
    if gpus > node and not each.model.engine.spans_nodes:
        hint = f"use `parallelism` of at most {node} GPUs, or `kind: vllm`"
        report.say(ONE_NODE_ONLY, at, gpus=gpus, node=node, engine=each.model.engine.kind, also=also, help=hint)
    elif gpus > node and gpus % node:
        hint = f"use a multiple of {node}, or write `gpusPerNode`"
        report.say(NODES_NOT_FILLED, at, gpus=gpus, node=node, also=also, help=hint)
    if gpus > 1 and len(net.gpus) > 1:
        also = [((*each.hardware_at, "alternatives"), "the other kinds")]
        report.say(SEVERAL_KINDS, at, also=also, help="remove `alternatives`")
