"""What can be overwritten where it lies comes with its checksums."""

from __future__ import annotations

from llmspec.families import Source
from llmspec.part import members
from llmspec.passes.resolve import Resolved
from llmspec.report.code import Code
from llmspec.report.report import Report

WITHOUT_CHECKSUMS = Code(
    "LS347", "weights-without-checksums", "nothing says which bytes lie at `{uri}`",
    why="Objects of a bucket can be overwritten. Without checksums a pod would serve whatever lies there on the day "
    "that it starts.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        source = members(Source)[each.model.uri.partition(":")[0]]
        if source.is_mutable and not each.facts.files:
            hint = f"put the output of `sha256sum` as SHA256SUMS into `{each.model.metadata}`, and run `llmspec lock`"
            also = [((*each.at, "metadata"), "there is no SHA256SUMS here")]
            report.say(WITHOUT_CHECKSUMS, (*each.at, "uri"), uri=each.model.uri, also=also, help=hint)
