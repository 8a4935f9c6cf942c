"""A new lock from a spec and the old lock: what is pinned stays pinned, what is new or named is resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

from llmspec.artifacts.folder import Folder, Unreadable
from llmspec.catalog.tables import actions, images
from llmspec.lock.facts import NoFacts, ReadGraph, read_facts
from llmspec.lock.lock import Lock, model_key
from llmspec.lock.references import Reference, references
from llmspec.lock.registry import Unresolved
from llmspec.report.code import Code
from llmspec.report.report import Report
from llmspec.spec.models import Adapter, Model
from llmspec.spec.service import LLMService
from llmspec.syntax.parse import UNREADABLE

UNRESOLVED = Code(
    "LS308", "digest-not-found", "`{key}` cannot be pinned: {problem}",
    why="`llmspec lock` asks the catalogue, then the image's registry, for the digest behind a tag.",
)  # fmt: skip
NO_FACTS = Code(
    "LS309", "no-model-facts", "the facts of `{model}` cannot be read: {problem}",
    why="Sizes, heads and shapes decide what is emitted; they come from the small files of the checkpoint.",
)  # fmt: skip

Resolve = Callable[[str], str]


class Wanted(Struct, frozen=True):
    """One environment's spec, and the report that knows its places."""

    spec: LLMService
    report: Report


def make(
    wanted: Iterable[Wanted], old: Lock, update: Iterable[str], folder: Folder, resolve: Resolve, read_graph: ReadGraph
) -> Lock:
    """The lock of all environments. `update` names references (or parts of their names) that are resolved anew."""
    tables: dict[str, dict[str, Any]] = {"actions": {}, "files": {}, "images": {}, "models": {}}
    kept = {name: _kept(getattr(old, name), update) for name in ("actions", "images")}
    for each in wanted:
        metadata = {model_key(one.uri, one.revision): str(one.metadata) for one in _weights(each.spec)}
        for reference in references(each.spec):
            table = tables[reference.table]
            if reference.key not in table:
                value = _value(reference, kept, metadata, folder, resolve, read_graph, each.report)
                table.update({reference.key: value} if value is not None else {})
    return Lock(actions=tables["actions"], files=tables["files"], images=tables["images"], models=tables["models"])


def _weights(spec: LLMService) -> Iterator[Model | Adapter]:
    for model in spec.models:
        yield model
        yield from model.lora.adapters if model.lora else ()


def _kept(table: dict[str, str], update: Iterable[str]) -> dict[str, str]:
    return {key: value for key, value in table.items() if not any(name in key for name in update)}


def _value(
    reference: Reference,
    kept: dict[str, dict[str, str]],
    metadata: dict[str, str],
    folder: Folder,
    resolve: Resolve,
    read_graph: ReadGraph,
    report: Report,
) -> Any:
    """What is filed under one reference; None where it cannot be had, with the reason in the report."""
    try:
        if reference.table == "files":
            return folder.digest(reference.key, reference.without)
        if reference.table == "models":
            return read_facts(folder, metadata[reference.key], read_graph)
        return kept[reference.table].get(reference.key) or _pinned(reference, resolve)
    except Unreadable as error:
        report.say(UNREADABLE, reference.at, problem=str(error))
    except NoFacts as error:
        at = (*reference.at[:-1], "metadata")
        hint = "put the checkpoint's own `config.json`, or its ONNX graph, into this folder"
        report.say(NO_FACTS, at, model=reference.at[1], problem=str(error), help=hint)
    except Unresolved as error:
        hint = "run `llmspec lock` where the registry can be reached"
        report.say(UNRESOLVED, reference.at, key=reference.key, problem=str(error), help=hint)
    return None


def _pinned(reference: Reference, resolve: Resolve) -> str:
    if reference.table == "actions":
        row = actions().get(reference.key)
        if row is None:
            raise Unresolved("the catalogue has no commit for it")
        return row.commit
    known = images().get(reference.key)
    return known.digest if known else resolve(reference.key)
