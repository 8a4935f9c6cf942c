"""Build steps of engines, as a script to review and run by hand and as data; what servers are started with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from llmspec.artifacts.artifact import Artifact
from llmspec.families import Target
from llmspec.plan.build import Build
from llmspec.plan.plan import Plans
from llmspec.render.context import build_context, reference
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
                script = build_context(build.image)["build.sh"]
                purpose = f"builds the engine of {build.model}; `--dry-run` shows the commands"
                yield Artifact(f"{folder}/build.sh", purpose, text=script, sources=sources, executable=True)
                data = _data(build, reference(build.image, plan.identity))
                yield Artifact(
                    f"{folder}/steps.json", f"the same steps of {build.model} as data", data=data, sources=sources
                )
            for path, purpose, text, origin in plan.documents:
                yield Artifact(f"{environment}/{path}", purpose, text=text, sources={"": (origin,)})


def _data(build: Build, image: str) -> Any:
    steps = [msgspec.to_builtins(step) for step in build.steps]
    for step in steps:
        step["computeCapability"] = step.pop("compute_capability") or None
    return {"model": build.model, "image": image, "result": build.result, "steps": steps}
