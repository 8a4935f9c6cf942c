"""Plans to Tree: every target's artifacts, patched by the overrides, rendered by the ending of their paths."""

from __future__ import annotations

from llmspec.artifacts.artifact import Artifact
from llmspec.artifacts.tree import File, Tree
from llmspec.families import Target
from llmspec.part import members
from llmspec.passes.overrides import override
from llmspec.plan.plan import Plans
from llmspec.render import json, yaml
from llmspec.render.template import BreaksOut
from llmspec.report.code import Code
from llmspec.report.place import Path
from llmspec.report.report import Report
from llmspec.spec.overrides import Override

CANNOT_RENDER = Code(
    "LS504", "value-breaks-out", "the target `{target}` cannot write this: {problem}",
    why="A value would end the line of a script or a Dockerfile that it is put into, and what follows would be read as "
    "another instruction.",
)  # fmt: skip


def emit(plans: Plans, overrides: dict[str, tuple[tuple[Override, ...], Report]], report: Report) -> Tree:
    """The files. `overrides` holds those of each environment, with the report that knows its places."""
    artifacts: list[Artifact] = []
    for kind, target in members(Target).items():
        try:
            artifacts += target().emit(plans, report)
        except BreaksOut as error:
            nowhere: Path = ()
            report.say(CANNOT_RENDER, nowhere, target=kind, problem=str(error))
    for environment, (patches, view) in overrides.items():
        artifacts = override(artifacts, patches, environment, view)
    report.stop_on_errors()
    return Tree(plans.service, tuple(_file(artifact) for artifact in artifacts))


def _file(artifact: Artifact) -> File:
    sources = {pointer: tuple(origin for origin in origins if origin) for pointer, origins in artifact.sources.items()}
    return File(
        path=artifact.path,
        purpose=artifact.purpose,
        content=_text(artifact).encode(),
        sources={pointer: origins for pointer, origins in sorted(sources.items()) if origins},
        executable=artifact.executable,
    )


def _text(artifact: Artifact) -> str:
    if artifact.text is not None:
        return artifact.text
    return json.dump(artifact.data) if artifact.path.endswith(".json") else yaml.dump(artifact.data)
