"""The line: text → Document → Spec → Resolved → Plan → Tree. Five steps; one that found errors stops it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path as File
from typing import Any

from msgspec import Struct

from llmspec.artifacts.folder import Folder
from llmspec.artifacts.tree import Tree
from llmspec.part import discover
from llmspec.passes.assume import assumed
from llmspec.passes.emit import emit
from llmspec.passes.layers import Layer, split
from llmspec.passes.load import load
from llmspec.passes.lower import lower
from llmspec.passes.pipeline import pipeline
from llmspec.passes.resolve import Resolved, resolve
from llmspec.passes.secrets import check_secrets
from llmspec.plan.plan import Plan, Plans
from llmspec.report.code import Code
from llmspec.report.place import Source
from llmspec.report.report import Failed, Report
from llmspec.spec.service import LLMService
from llmspec.syntax.node import locate
from llmspec.syntax.parse import parse

BROKEN_PART = Code(
    "LS901", "broken-part", "the part `{module}` cannot be loaded: {problem}",
    why="A distribution offers parts under the entry-point group `llmspec.parts`, and importing its module failed. "
    "What it would have enrolled is not there.",
)  # fmt: skip
DIFFERENT_NAMES = Code(
    "LS214", "name-differs-by-environment", "the service is called `{name}` here and `{other}` in `{environment}`",
    why="The name is the identity of the service across its environments, and the folder of its files.",
)  # fmt: skip


class Loaded(Struct, frozen=True):
    """One environment as far as it was understood: its layer, its spec, and the report that knows its places."""

    layer: Layer
    spec: LLMService
    report: Report


class Compiled(Struct, frozen=True):
    """What came of a spec that has no errors."""

    name: str
    environments: tuple[str, ...]
    tree: Tree


def read(source: Source, report: Report, assume: tuple[str, ...] = ()) -> tuple[Loaded, ...]:
    """Text to Spec, once for each environment. Raises `Failed` with everything that is wrong.

    `assume` are releases, each `VERSION` or `KIND=VERSION`, that engines of an unknown version are taken to be like.
    """
    for module, problem in parts().items():
        report.say(BROKEN_PART, (), module=module, problem=problem, help="install what it lacks, or uninstall it")
    document = parse(source, report)
    report.stop_on_errors()
    if document is None:
        raise Failed(report)
    check_secrets(document, report)
    layers = split(document, report)
    report.environments += [layer.environment for layer in layers]
    loaded = [each for layer in layers if (each := _load(layer, assume, report))]
    _same_name(loaded)
    report.stop_on_errors()
    return tuple(loaded)


def check(
    source: Source, folder: Folder, report: Report, assume: tuple[str, ...] = ()
) -> tuple[tuple[Resolved, ...], tuple[Plan, ...], tuple[Loaded, ...]]:
    """Text to Plan. Raises `Failed` with everything that is wrong."""
    loaded = read(source, report, assume)
    resolved, plans = [], []
    for each in loaded:
        pinned = resolve(each.spec, each.layer.environment, folder, each.report)
        if pinned is None:
            continue
        before = each.report.faults
        for rule in rules():
            rule(pinned, each.report)
        if each.report.faults == before:
            resolved.append(pinned)
            plans.append(lower(pinned, each.report))
    report.stop_on_errors()
    return tuple(resolved), tuple(plans), loaded


def compile(  # noqa: A001 - it is what it does
    source: Source,
    folder: Folder,
    report: Report,
    spec: str = ".",
    output: str = "generated",
    assume: tuple[str, ...] = (),
) -> Compiled:
    """Text to files. `spec` and `output` are the folders of both relative to the repository's root, for pipelines."""
    resolved, plans, loaded = check(source, folder, report, assume)
    name = loaded[0].spec.metadata.name
    job = pipeline(resolved, plans, spec, f"{output}/{name}")
    overrides = {each.layer.environment: (each.spec.overrides, each.report) for each in loaded}
    tree = emit(Plans(service=name, environments=plans, pipeline=job), overrides, report)
    return Compiled(name, tuple(each.layer.environment for each in loaded), tree)


def _load(layer: Layer, assume: tuple[str, ...], report: Report) -> Loaded | None:
    view = report.within(lambda path: locate(layer.node, path), layer.environment)
    spec = load(layer.node, LLMService, view, others=("environments",))
    return Loaded(layer, assumed(spec, assume), view) if spec else None


def _same_name(loaded: list[Loaded]) -> None:
    for each in loaded[1:]:
        name, first = each.spec.metadata.name, loaded[0]
        if name != (other := first.spec.metadata.name):
            at, facts = ("metadata", "name"), {"name": name, "other": other, "environment": first.layer.environment}
            also = [(locate(first.layer.node, at), "its name there")]
            each.report.say(DIFFERENT_NAMES, at, also=also, help="give it one name", **facts)


@cache
def parts() -> dict[str, str]:
    """Everything that can be chosen, enrolled; what could not be, with the reason."""
    return discover()


@cache
def rules() -> tuple[Any, ...]:
    """The `check` of every file in `passes/check`."""
    folder = File(__file__).parent / "passes" / "check"
    names = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    return tuple(import_module(f"llmspec.passes.check.{name}").check for name in names)
