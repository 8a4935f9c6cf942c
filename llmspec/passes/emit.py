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
SAME_OBJECT = Code(
    "LS505", "made-twice", "{what} is made for `{one}` and for `{other}`",
    why="Two parts of the spec ask for files or Kubernetes objects of the same name, and one would replace the other. "
    "Names of models are taken up by their objects and images, and so are a few words such as `qdrant`.",
)  # fmt: skip


def emit(plans: Plans, overrides: dict[str, tuple[tuple[Override, ...], Report]], report: Report) -> Tree:
    """The files. `overrides` holds those of each environment, with the report that knows its places."""
    artifacts: list[Artifact] = []
    for kind, target in members(Target).items():
        try:
            artifacts += target().emit(plans, report)
        except BreaksOut as error:
            nowhere: Path = ()
            hint = "it comes from llm.yaml, from llm.lock, or from a part that is installed: make it one line"
            report.say(CANNOT_RENDER, nowhere, target=kind, problem=str(error), help=hint)
    for environment, (patches, view) in overrides.items():
        _check_unique([each for each in artifacts if each.path.startswith(f"{environment}/")], view)
        artifacts = override(artifacts, patches, environment, view)
    report.stop_on_errors()
    return Tree(plans.service, tuple(_file(artifact) for artifact in artifacts))


def _check_unique(artifacts: list[Artifact], report: Report) -> None:
    """Say LS505 where a path or a Kubernetes object is there twice, once for each two parts of the spec."""
    seen: dict[str, Artifact] = {}
    said: set[tuple[str, str]] = set()
    for artifact in artifacts:
        for what in filter(None, (f"`{artifact.path}`", _identity(artifact))):
            one, other = _origin(seen.setdefault(what, artifact)), _origin(artifact)
            if seen[what] is not artifact and (one, other) not in said:
                said.add((one, other))
                at, also = tuple(other.split(".")), [(tuple(one.split(".")), "and for this")] if one else []
                report.say(SAME_OBJECT, at, what=what, one=one, other=other, also=also, help="rename one")


def _identity(artifact: Artifact) -> str:
    """Kind and name of a Kubernetes object; empty for any other file."""
    data = artifact.data
    return f"the {data['kind']} `{data['metadata']['name']}`" if isinstance(data, dict) and "metadata" in data else ""


def _origin(artifact: Artifact) -> str:
    return next((origin for origin in artifact.sources.get("", ()) if origin), "")


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
