"""Attention heads divide evenly over the GPUs."""

from __future__ import annotations

from llmspec.passes.resolve import Resolved, ResolvedModel
from llmspec.report.code import Code
from llmspec.report.report import Report

HEADS_NOT_DIVISIBLE = Code(
    "LS334", "heads-not-divisible", "{heads} attention heads cannot be split over {tensor} GPUs",
    why="Tensor parallelism gives every GPU the same number of heads; engines refuse to start otherwise.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        tensor, heads = each.model.parallelism.tensor, each.facts.attention_heads
        if heads and heads % tensor:
            at = (*each.at, "parallelism", "tensor")
            report.say(HEADS_NOT_DIVISIBLE, at, heads=heads, tensor=tensor, help=f"use {_divisors(each)}")


def _divisors(each: ResolvedModel) -> str:
    heads = each.facts.attention_heads
    return ", ".join(f"`tensor: {count}`" for count in (1, 2, 4, 8, 16) if heads % count == 0)
