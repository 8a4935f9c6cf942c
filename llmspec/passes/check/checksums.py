"""What can be overwritten where it lies comes with its checksums."""

from __future__ import annotations

from llmspec.families import Source
from llmspec.part import members
from llmspec.passes.resolve import Resolved
from llmspec.plan.network import Facts
from llmspec.report.code import Code
from llmspec.report.place import Path
from llmspec.report.report import Report
from llmspec.spec.models import Adapter, Model

WITHOUT_CHECKSUMS = Code(
    "LS347", "weights-without-checksums", "nothing says which bytes lie at `{uri}`",
    why="Objects of a bucket can be overwritten. Without checksums a pod would serve whatever lies there on the day "
    "that it starts.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        _check(each.model, each.facts, each.at, report)
        adapters = each.model.lora.adapters if each.model.lora else ()
        for adapter, facts in zip(adapters, each.adapters, strict=True):
            _check(adapter, facts, (*each.at, "lora", "adapters", adapter.name), report)


def _check(one: Model | Adapter, facts: Facts, at: Path, report: Report) -> None:
    source = members(Source)[one.uri.partition(":")[0]]
    if source.is_mutable and not facts.files:
        hint = f"put the output of `sha256sum` as SHA256SUMS into `{one.metadata}`, and run `llmspec lock`"
        also = [((*at, "metadata"), "there is no SHA256SUMS here")]
        report.say(WITHOUT_CHECKSUMS, (*at, "uri"), uri=one.uri, also=also, help=hint)
