"""Spec to Resolved: every reference pinned by the lock, every fact at hand, everything in order of name."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from llmspec.artifacts.folder import Digest, Folder, Unreadable
from llmspec.catalog.tables import gpus
from llmspec.families import Source
from llmspec.lock.lock import FILE, Lock, Locked, model_key
from llmspec.lock.lock import read as read_lock
from llmspec.lock.references import Reference, references
from llmspec.part import members
from llmspec.passes.prompts import ReadPrompt, read_prompt
from llmspec.plan.network import Facts
from llmspec.plan.workload import Gpu
from llmspec.report.code import Code
from llmspec.report.nearest import did_you_mean
from llmspec.report.place import Path
from llmspec.report.report import Report
from llmspec.spec.models import Model
from llmspec.spec.service import LLMService
from llmspec.spec.tests import Dataset
from llmspec.syntax.node import locate
from llmspec.syntax.parse import UNREADABLE

NOT_LOCKED = Code(
    "LS302", "not-locked", "`{key}` is not in llm.lock",
    why="What is built must be what was reviewed. A reference without a locked digest could mean other bytes tomorrow.",
)  # fmt: skip
CHANGED = Code(
    "LS303", "changed-since-locked", "`{key}` has changed since it was locked",
    why="The lock holds the digest of every file that the spec points at. A file that differs from it was edited after "
    "the last `llmspec lock`, or by somebody who did not mean to release it.",
)  # fmt: skip
NO_LOCK = Code(
    "LS304", "no-lock", "there is no llm.lock beside llm.yaml",
    why="Compile never touches a network: digests and the facts of models come from the lock, which is committed.",
)  # fmt: skip
UNKNOWN_GPU = Code(
    "LS305", "unknown-gpu", "the catalogue has no GPU `{gpu}`",
    why="Node labels, compute capability and memory come from the catalogue; one that it lacks cannot be planned for.",
)  # fmt: skip
UNKNOWN_SOURCE = Code(
    "LS306", "unknown-source", "no source is called `{scheme}`",
    why="The scheme of a model's `uri` picks the part that downloads and checks the weights.",
)  # fmt: skip
NO_GPU = Code(
    "LS307", "no-gpu", "no GPU is given for the model `{model}`",
    why="Every network runs on a GPU, and which one decides labels, precision and memory.",
)  # fmt: skip


class ResolvedModel(Struct, frozen=True):
    """A model with what is known of it. `digest` is that of its metadata folder."""

    model: Model
    facts: Facts
    gpu: Gpu
    digest: str

    @property
    def at(self) -> Path:
        return ("models", self.model.name)


class Resolved(Struct, frozen=True):
    """One environment, pinned and complete."""

    environment: str
    spec: LLMService
    lock: Lock
    models: tuple[ResolvedModel, ...]
    prompts: tuple[ReadPrompt, ...]
    rows: dict[str, tuple[str, bytes]]
    """Each dataset by name: the path that people are shown, and its bytes."""
    digests: dict[str, Digest]

    def pin(self, reference: str) -> str:
        """`name:tag` with its locked digest, or an action at its locked commit."""
        if reference in self.lock.images:
            return f"{reference}@{self.lock.images[reference]}"
        return f"{reference.partition('@')[0]}@{self.lock.actions[reference]} # {reference.partition('@')[2]}"


def ordered(spec: LLMService) -> LLMService:
    """The same spec with its named lists in order of name: the order of writing has no meaning."""
    tests = replace(spec.tests, datasets=_by_name(spec.tests.datasets))
    serving = replace(spec.serving, clients=_by_name(spec.serving.clients))
    metadata = replace(spec.metadata, labels=dict(sorted(spec.metadata.labels.items())))
    return replace(
        spec,
        metadata=metadata,
        models=_by_name(spec.models),
        prompts=_by_name(spec.prompts),
        tests=tests,
        serving=serving,
    )


def _by_name(items: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sorted(items, key=lambda item: str(item.name)))


def resolve(spec: LLMService, environment: str, folder: Folder, report: Report) -> Resolved | None:
    """The pinned spec, or None with the reasons in the report."""
    before = report.faults
    spec = ordered(spec)
    locked = _lock(folder, report)
    digests = {}
    for reference in references(spec):
        digest = _pinned(reference, locked, folder, report)
        if digest:
            digests[reference.key] = digest
    models = tuple(each for model in spec.models if (each := _model(model, spec, locked.lock, digests, report)))
    prompts = tuple(
        read for prompt in spec.prompts if prompt.file in digests and (read := read_prompt(prompt, folder, report))
    )
    rows = {str(each.name): _rows(each, folder, report) for each in spec.tests.datasets if each.file in digests}
    if report.faults > before:
        return None
    return Resolved(environment, spec, locked.lock, models, prompts, rows, digests)


def _rows(dataset: Dataset, folder: Folder, report: Report) -> tuple[str, bytes]:
    try:
        return folder.shown(dataset.file), folder.read(dataset.file)
    except Unreadable as error:
        at, hint = ("tests", "datasets", dataset.name, "file"), "name a file of JSON Lines that fits into memory"
        report.say(UNREADABLE, at, problem=str(error), help=hint)
        return folder.shown(dataset.file), b""


def _lock(folder: Folder, report: Report) -> Locked:
    try:
        return read_lock(folder.shown(FILE), folder.read(FILE), report)
    except Unreadable:
        report.say(NO_LOCK, ("models",), help="run `llmspec lock`, and commit what it writes")
        return Locked(Lock())


def _pinned(reference: Reference, locked: Locked, folder: Folder, report: Report) -> Digest | None:
    """The digest of a local file, held against the lock; None for anything else."""
    table: dict[str, Any] = getattr(locked.lock, reference.table)
    digest = None
    if reference.table == "files":
        try:
            digest = folder.digest(reference.key, reference.without)
        except Unreadable as error:
            report.say(UNREADABLE, reference.at, problem=str(error), help="paths begin at the folder of llm.yaml")
            return None
    if reference.key not in table:
        if locked.node is not None:
            report.say(NOT_LOCKED, reference.at, key=reference.key, help="run `llmspec lock`")
    elif digest and table[reference.key] != digest:
        also = [(locate(locked.node, ("files", reference.key)), "locked here")] if locked.node else []
        hint = "run `llmspec lock` if the change is meant"
        report.say(CHANGED, reference.at, key=reference.key, also=also, help=hint)
    return digest


def _model(
    model: Model, spec: LLMService, lock: Lock, digests: dict[str, Digest], report: Report
) -> ResolvedModel | None:
    at: Path = ("models", model.name)
    _check_source(model, at, report)
    model.engine.check_version((*at, "engine"), report)
    gpu = _gpu(model, spec, at, report)
    facts = lock.models.get(model_key(model.uri, model.revision))
    if gpu is None or facts is None:
        return None
    digest = digests[model.metadata].sha256 if model.metadata in digests else ""
    return ResolvedModel(model, facts, gpu, digest)


def _check_source(model: Model, at: Path, report: Report) -> None:
    scheme = model.uri.partition(":")[0]
    source = members(Source).get(scheme)
    if source is None:
        known = members(Source)
        report.say(UNKNOWN_SOURCE, (*at, "uri"), scheme=scheme, help=did_you_mean(scheme, known))
    else:
        source.check(model.uri, model.revision or "", at, report)


def _gpu(model: Model, spec: LLMService, at: Path, report: Report) -> Gpu | None:
    where = (*at, "hardware", "gpu") if model.hardware else ("serving", "hardware", "gpu")
    hardware = model.hardware or spec.serving.hardware
    if hardware is None:
        report.say(NO_GPU, at, model=model.name, help="add `hardware: {gpu: l4}` here or under `serving`")
        return None
    row = gpus().get(hardware.gpu)
    if row is None:
        report.say(UNKNOWN_GPU, where, gpu=hardware.gpu, help=did_you_mean(hardware.gpu, gpus()))
        return None
    return Gpu(hardware.gpu, row.products, row.compute_capability, ".".join(str(step) for step in where))
