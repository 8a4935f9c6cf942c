"""Adapters are adapters, and each has a name of its own."""

from __future__ import annotations

from llmspec.passes.resolve import Resolved
from llmspec.report.code import Code
from llmspec.report.report import Report

NOT_AN_ADAPTER = Code(
    "LS358", "not-an-adapter", "`{metadata}` is of no LoRA adapter",
    why="The rank that the engine keeps room for is read from `adapter_config.json`.",
)  # fmt: skip
SERVED_TWICE = Code(
    "LS310", "name-served-twice", "clients ask for `{name}`, and it is both the adapter and its base model",
    why="A request names what it wants by `model`; with one name for two the adapter is never asked, or always.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        adapters = each.model.lora.adapters if each.model.lora else ()
        for adapter, facts in zip(adapters, each.adapters, strict=True):
            at = (*each.at, "lora", "adapters", adapter.name)
            if not facts.rank:
                hint = "put its `adapter_config.json` there, and run `llmspec lock`"
                report.say(NOT_AN_ADAPTER, (*at, "metadata"), metadata=adapter.metadata, help=hint)
            if adapter.name == (each.model.served_name or each.model.name):
                report.say(SERVED_TWICE, (*at, "name"), name=adapter.name, help="rename the adapter")
