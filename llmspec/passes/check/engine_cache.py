"""An engine that is built first has somewhere to be handed over."""

from __future__ import annotations

from llmspec.passes.networks import cache_of, network
from llmspec.passes.resolve import Resolved
from llmspec.report.code import Code
from llmspec.report.report import Report

ENGINE_NEEDS_SHARED_CACHE = Code(
    "LS345", "engine-needs-shared-cache",
    "what `{model}` loads is built by a job, and this cache is not shared",
    why="A job builds an engine, or quantizes a checkpoint, on a GPU and leaves it in the cache; pods that see another "
    "disk would wait for ever.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    if cache_of(resolved.spec).shared:
        return
    for each in resolved.models:
        net = network(resolved, each)
        if each.model.engine.builds(net) or net.precision.is_built:
            at = ("serving", "cache") if resolved.spec.serving.cache else ("serving",)
            also = [((*each.at, "engine", "kind"), "this engine is built")]
            report.say(
                ENGINE_NEEDS_SHARED_CACHE, at, model=each.model.name, also=also, help="write `cache: {kind: pvc}`"
            )
