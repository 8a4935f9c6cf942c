"""What the chosen parts themselves have to say: engine, cache."""

from __future__ import annotations

from llmspec.passes.networks import network
from llmspec.passes.resolve import Resolved
from llmspec.report.code import Code
from llmspec.report.report import Report

TASK_NOT_SERVED = Code(
    "LS343", "task-not-served", "`kind: {engine}` cannot serve `task: {task}`",
    why="Engines are made for some tasks: an engine of fixed graphs cannot generate, for instance.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        engine = each.model.engine
        if each.model.task not in engine.tasks:
            at, also = (*each.at, "engine", "kind"), [((*each.at, "task"), "the task")]
            hint = "it serves " + ", ".join(f"`task: {task}`" for task in engine.tasks)
            report.say(TASK_NOT_SERVED, at, engine=engine.kind, task=each.model.task, also=also, help=hint)
        else:
            engine.check(network(resolved, each), report)
    cache = resolved.spec.serving.cache
    if cache is not None:
        replicas = max(each.model.scaling.max_replicas or each.model.scaling.min_replicas for each in resolved.models)
        cache.check(("serving", "cache"), replicas, report)
