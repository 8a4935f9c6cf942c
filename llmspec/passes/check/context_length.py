"""A context is no longer than the model can take."""

from __future__ import annotations

from llmspec.passes.resolve import Resolved
from llmspec.report.code import Code
from llmspec.report.report import Report

CONTEXT_TOO_LONG = Code(
    "LS333", "context-too-long", "`maxModelLen` is {asked:,}, and `{architecture}` was trained for {limit:,}",
    why="Beyond its longest position a model answers with noise, or the engine refuses to start.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        asked, limit = each.model.context.max_model_len or 0, each.facts.longest_context
        if 0 < limit < asked:
            report.say(
                CONTEXT_TOO_LONG,
                (*each.at, "context", "maxModelLen"),
                asked=asked,
                limit=limit,
                architecture=each.facts.architecture,
                help=f"write `maxModelLen: {limit}` or less",
            )
