"""JSON patches of the spec, applied to generated data."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from msgspec.structs import replace

from llmspec.artifacts.artifact import Artifact
from llmspec.report.code import Code
from llmspec.report.nearest import did_you_mean
from llmspec.report.report import Report
from llmspec.spec.overrides import Operation, Override

NO_TARGET = Code(
    "LS501", "override-without-target", "no generated object matches this target",
    why="An override that matches nothing has no effect. Most often the object was renamed, or is of another "
    "environment.",
)  # fmt: skip
DOES_NOT_APPLY = Code(
    "LS502", "override-does-not-apply", "the patch does not apply to `{path}`: {problem}",
    why="The generated object has changed since the override was written, and what it meant can no longer be done.",
)  # fmt: skip
CHANGES_NOTHING = Code(
    "LS503", "override-changes-nothing", "the patch changes nothing in `{path}`",
    why="What the override asks for is generated anyway, so it only hides what the language can say by now.",
)  # fmt: skip


def override(
    artifacts: list[Artifact], overrides: tuple[Override, ...], environment: str, report: Report
) -> list[Artifact]:
    """The artifacts with every override of this environment applied; what does not apply is said and left alone."""
    for index, each in enumerate(overrides):
        places = [place for place, artifact in enumerate(artifacts) if _matches(each, artifact, environment)]
        if not places:
            hint = did_you_mean(each.target.name, _names(artifacts, each))
            report.say(NO_TARGET, ("overrides", index, "target"), help=hint)
        for place in places:
            artifacts[place] = _patched(artifacts[place], each, index, report)
    return artifacts


def _names(artifacts: list[Artifact], each: Override) -> list[str]:
    data = [artifact.data for artifact in artifacts if isinstance(artifact.data, dict) and "metadata" in artifact.data]
    return [_name(object_) for object_ in data if object_.get("kind") == each.target.kind]


def _name(object_: Any) -> str:
    """An object's name; empty where an earlier override took it away."""
    metadata = object_.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""


def _matches(each: Override, artifact: Artifact, environment: str) -> bool:
    target = each.target
    if not isinstance(artifact.data, dict) or not artifact.path.startswith(f"{environment}/"):
        return False
    if target.file is not None:
        return fnmatchcase(artifact.path.removeprefix(f"{environment}/"), target.file)
    return artifact.data.get("kind") == target.kind and fnmatchcase(_name(artifact.data), target.name)


def _patched(artifact: Artifact, each: Override, index: int, report: Report) -> Artifact:
    from jsonpatch import JsonPatch, JsonPatchException  # noqa: PLC0415 - few specs have overrides
    from jsonpointer import JsonPointerException  # noqa: PLC0415

    at = ("overrides", index, "patch")
    try:
        data: Any = JsonPatch([_operation(operation) for operation in each.patch]).apply(artifact.data)
    except (JsonPatchException, JsonPointerException, TypeError, ValueError, KeyError) as error:
        report.say(DOES_NOT_APPLY, at, path=artifact.path, problem=str(error).splitlines()[0])
        return artifact
    if data == artifact.data:
        report.say(CHANGES_NOTHING, at, path=artifact.path, help="remove the override")
    pointers = {operation.path: (f"overrides.{index}",) for operation in each.patch}
    return replace(artifact, data=data, sources={**artifact.sources, **pointers})


def _operation(operation: Operation) -> dict[str, Any]:
    row: dict[str, Any] = {"op": operation.op, "path": operation.path}
    if operation.op in ("add", "replace", "test"):
        row["value"] = operation.value
    if operation.from_ is not None:
        row["from"] = operation.from_
    return row
