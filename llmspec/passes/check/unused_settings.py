"""No section of a model is there that its engine does not heed."""

from __future__ import annotations

from llmspec.passes.resolve import Resolved
from llmspec.report.code import Code
from llmspec.report.report import Report

SETTING_WITHOUT_EFFECT = Code(
    "LS346", "setting-without-effect", "`kind: {engine}` does not heed `{section}`",
    why="An engine of a fixed graph takes its lengths from its profiles and runs on one GPU. A setting that it does "
    "not heed would be believed to hold.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        model, engine = each.model, each.model.engine
        for section, value in (("context", model.context), ("parallelism", model.parallelism)):
            if section not in engine.takes and value != type(value)():
                also = [((*each.at, "engine", "kind"), "this engine")]
                at = (*each.at, section)
                report.say(SETTING_WITHOUT_EFFECT, at, engine=engine.kind, section=section, also=also, help="remove it")
