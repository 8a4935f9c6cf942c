"""Names that point at other sections point at something, of the right kind."""

from __future__ import annotations

from collections.abc import Iterable

from llmspec.passes.resolve import Resolved
from llmspec.report.code import Code
from llmspec.report.nearest import did_you_mean
from llmspec.report.place import Path
from llmspec.report.report import Report

UNKNOWN_REFERENCE = Code(
    "LS331", "unknown-reference", "there is no {what} called `{name}`",
    why="Sections refer to each other by name; a name that nothing has would leave a hole that only production finds.",
)  # fmt: skip
WRONG_TASK = Code(
    "LS332", "wrong-task", "the model `{name}` has `task: {task}`, and this needs `task: {needed}`",
    why="A prompt is answered by a generating model, and vectors are made by an embedding one.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    spec = resolved.spec
    for prompt in spec.prompts:
        _model(resolved, prompt.model, "generate", ("prompts", prompt.name, "model"), report)
    if spec.rag:
        _model(resolved, spec.rag.embedding.model, "embed", ("rag", "embedding", "model"), report)
    prompts = [prompt.name for prompt in spec.prompts]
    for dataset in spec.tests.datasets:
        if dataset.prompt is not None:
            _known(dataset.prompt, prompts, "prompt", ("tests", "datasets", dataset.name, "prompt"), report)


def _known(name: str, names: Iterable[str], what: str, at: Path, report: Report) -> bool:
    if name not in (known := list(names)):
        report.say(UNKNOWN_REFERENCE, at, what=what, name=name, help=did_you_mean(name, known))
        return False
    return True


def _model(resolved: Resolved, name: str, task: str, at: Path, report: Report) -> None:
    models = {str(each.model.name): each.model for each in resolved.models}
    if _known(name, models, "model", at, report) and models[name].task != task:
        also = [(("models", name, "task"), "its task")]
        fitting = [f"`{each}`" for each, model in models.items() if model.task == task]
        hint = f"name {' or '.join(fitting)}" if fitting else f"add a model with `task: {task}`"
        report.say(WRONG_TASK, at, name=name, task=models[name].task, needed=task, also=also, help=hint)
