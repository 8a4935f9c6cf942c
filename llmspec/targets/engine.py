"""Build steps of engines as data, the same that build.sh of the builder's image runs; what servers start with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from llmspec.artifacts.artifact import Artifact
from llmspec.families import Target
from llmspec.plan.build import Build
from llmspec.plan.plan import Plans
from llmspec.render.context import reference
from llmspec.report.report import Report


class Engine(Target):
    """`engine/<model>/`."""

    kind = "engine"

    def emit(self, plans: Plans, report: Report) -> Iterator[Artifact]:  # noqa: ARG002
        for plan in plans.environments:
            environment = plan.identity.environment
            for build in plan.builds:
                folder = f"{environment}/engine/{build.model}"
                sources: dict[str, tuple[str, ...]] = {"": (build.origin,)}
                data = _data(build, reference(build.image, plan.identity))
                purpose = f"steps that build what {build.model} loads, for `llmspec engine build`"
                yield Artifact(f"{folder}/steps.json", purpose, data=data, sources=sources)
            for path, purpose, text, origin in plan.documents:
                yield Artifact(f"{environment}/{path}", purpose, text=text, sources={"": (origin,)})


def _data(build: Build, image: str) -> Any:
    steps = [msgspec.to_builtins(step) for step in build.steps]
    for step in steps:
        step["computeCapability"] = step.pop("compute_capability") or None
    return {
        "model": build.model,
        "image": image,
        "tools": f"../../docker/{build.image.name}",
        "requires": dict(build.requires),
        "capabilities": list(build.capabilities),
        "result": build.result,
        "steps": steps,
    }
