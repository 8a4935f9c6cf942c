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
            report.say(NO_TARGET, ("overrides", index, "target"), help=_nearest(artifacts, each, environment))
        for place in places:
            artifacts[place] = _patched(artifacts[place], each, index, report)
    return artifacts


def _nearest(artifacts: list[Artifact], each: Override, environment: str) -> str:
    """A help line: the file, the name, or else the kind that was meant."""
    ours = {f.path.removeprefix(f"{environment}/"): f.data for f in artifacts if f.path.startswith(f"{environment}/")}
    objects = [data for data in ours.values() if isinstance(data, dict) and "metadata" in data]
    kinds = {str(data["kind"]) for data in objects}
    if each.target.file is not None:
        return did_you_mean(each.target.file, (path for path, data in ours.items() if isinstance(data, dict)))
    if each.target.kind not in kinds:
        return did_you_mean(each.target.kind or "", kinds) or "write `kind` and `name` of an object, or `file`"
    return did_you_mean(each.target.name, (_name(data) for data in objects if data["kind"] == each.target.kind))


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

    at, data = ("overrides", index, "patch"), artifact.data
    for number, operation in enumerate(each.patch):
        try:
            data = JsonPatch([_operation(operation)]).apply(data)
        except (JsonPatchException, JsonPointerException, TypeError, ValueError, KeyError) as error:
            problem, hint = str(error).partition("\n")[0], "compile without the override, and look at that file"
            report.say(DOES_NOT_APPLY, (*at, number, "path"), path=artifact.path, problem=problem, help=hint)
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
