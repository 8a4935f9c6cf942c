"""Replica counts make sense."""

from __future__ import annotations

from llmspec.passes.resolve import Resolved
from llmspec.report.code import Code
from llmspec.report.report import Report

FEWER_THAN_MINIMUM = Code(
    "LS344", "fewer-than-minimum", "`maxReplicas` is {most}, less than `minReplicas`, which is {least}",
    why="An autoscaler between these bounds has nowhere to go, and the API server refuses it.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        scaling = each.model.scaling
        if scaling.max_replicas is not None and scaling.max_replicas < scaling.min_replicas:
            at = (*each.at, "scaling")
            also = [((*at, "minReplicas"), "the minimum")]
            most, least = scaling.max_replicas, scaling.min_replicas
            hint = f"write `maxReplicas: {least}` or more, or leave it out"
            report.say(FEWER_THAN_MINIMUM, (*at, "maxReplicas"), most=most, least=least, also=also, help=hint)
