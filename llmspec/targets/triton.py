"""Triton model repositories."""

from __future__ import annotations

from collections.abc import Iterator

from llmspec.artifacts.artifact import Artifact
from llmspec.families import Target
from llmspec.plan.plan import Plans
from llmspec.render.context import text_of
from llmspec.report.report import Report

PURPOSES = {
    "triton/config.pbtxt": "model configuration of {model}: shapes, batching, plans",
    "triton/ensemble.pbtxt": "model configuration of {model}: text in, the network's outputs out",
    "triton/tokenizer.pbtxt": "model configuration of {model}: the tokenizer of the checkpoint",
    "triton/tokenizer.py": "{model}: texts to the tensors that the network takes",
    "": "version of {model}, which Triton asks for",
}


class Triton(Target):
    """`triton/<model>/`; the plans themselves are built on GPUs and never in git."""

    kind = "triton"

    def emit(self, plans: Plans, report: Report) -> Iterator[Artifact]:  # noqa: ARG002
        for plan in plans.environments:
            for repository in plan.repositories:
                for file in repository.files:
                    path = f"{plan.identity.environment}/triton/{file.path}"
                    purpose = PURPOSES[file.template].format(model=file.path.partition("/")[0])
                    yield Artifact(path, purpose, text=text_of(file), sources={"": (repository.origin,)})
