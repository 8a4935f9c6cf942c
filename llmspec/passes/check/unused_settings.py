"""No section of a model is there that its engine does not heed."""

from __future__ import annotations

from collections.abc import Iterator

from llmspec.passes.resolve import Resolved
from llmspec.report.code import Code
from llmspec.report.report import Report
from llmspec.spec.models import Model

SETTING_WITHOUT_EFFECT = Code(
    "LS346", "setting-without-effect", "`kind: {engine}` does not heed `{section}`",
    why="An engine of a fixed graph takes its lengths from its profiles and runs on one GPU. A setting that it does "
    "not heed would be believed to hold.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        engine = each.model.engine
        for section, value in _settings(each.model):
            if section not in engine.takes and value:
                also = [((*each.at, "engine", "kind"), "this engine")]
                at = (*each.at, section)
                report.say(SETTING_WITHOUT_EFFECT, at, engine=engine.kind, section=section, also=also, help="remove it")
        asked, is_graph = each.model.quantization, engine.runs_graphs
        unheeded = {"kvCache": is_graph and asked.kv_cache != "auto", "exclude": not is_graph and bool(asked.exclude)}
        for key in (key for key, is_unheeded in unheeded.items() if is_unheeded):
            also, section = [((*each.at, "engine", "kind"), "this engine")], f"quantization.{key}"
            at = (*each.at, "quantization", key)
            report.say(SETTING_WITHOUT_EFFECT, at, engine=engine.kind, section=section, also=also, help="remove it")


def _settings(model: Model) -> Iterator[tuple[str, bool]]:
    """Keys that not every engine heeds, and whether the spec says anything under them."""
    for section in (model.context, model.parallelism, model.quantization):
        yield type(section).__name__.lower(), section != type(section)()
    yield "chatTemplate", model.chat_template is not None
    yield "lora", model.lora is not None
    yield "servedName", model.served_name is not None
