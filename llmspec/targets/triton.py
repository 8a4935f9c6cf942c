"""Triton model repositories."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from llmspec.artifacts.artifact import Artifact
from llmspec.families import Target
from llmspec.plan.plan import Plans
from llmspec.render.template import render
from llmspec.report.report import Report


class Triton(Target):
    """`triton/<model>/config.pbtxt`; the plan itself is built on a GPU and never in git."""

    kind = "triton"

    def emit(self, plans: Plans, report: Report) -> Iterator[Artifact]:  # noqa: ARG002
        for plan in plans.environments:
            for repository in plan.repositories:
                text = render("triton/config.pbtxt", **msgspec.to_builtins(repository))
                path = f"{plan.identity.environment}/triton/{repository.model}/config.pbtxt"
                purpose = f"model configuration of {repository.model}: shapes, batching, plans"
                yield Artifact(path, purpose, text=text, sources={"": (repository.origin,)})
