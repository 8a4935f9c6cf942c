"""What is retrieved reaches a prompt."""

from __future__ import annotations

from llmspec.passes.resolve import Resolved
from llmspec.report.code import Code
from llmspec.report.nearest import did_you_mean
from llmspec.report.report import Report

RETRIEVAL_UNUSED = Code(
    "LS338", "retrieval-unused", "no prompt has an input `{name}`",
    why="Passages that no prompt takes in are retrieved for nothing, and the model answers without them.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    rag = resolved.spec.rag
    if rag is None:
        return
    inputs = {name for each in resolved.prompts for name in each.file.inputs}
    if rag.retrieval.variable not in inputs:
        hint = did_you_mean(rag.retrieval.variable, inputs)
        report.say(RETRIEVAL_UNUSED, ("rag", "retrieval", "variable"), name=rag.retrieval.variable, help=hint)
