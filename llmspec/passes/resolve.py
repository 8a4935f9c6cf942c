"""Spec to Resolved: every reference pinned by the lock, every fact at hand, everything in order of name."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from llmspec.artifacts.folder import Digest, Folder, Unreadable
from llmspec.catalog.releases import nearest, table
from llmspec.catalog.tables import gpus
from llmspec.families import Engine, Source
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
from llmspec.spec.models import Adapter, Hardware, Model
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
UNKNOWN_RELEASE = Code(
    "LS361", "unknown-engine-version", "the catalogue has no {engine} `{version}`",
    why="Images, options, metrics and precisions are those of one release. For a release that the catalogue lacks, "
    "nothing that is emitted could be checked.",
)  # fmt: skip
ASSUMED = Code(
    "LS366", "assumed-release", "{engine} `{version}` is taken to be like `{like}`",
    why="Nothing is known of this release itself. What it dropped, renamed or added since shows only when it starts.",
    severity="warning",
)  # fmt: skip
NOT_ASSUMED = Code(
    "LS367", "assumption-without-effect", "the catalogue knows {engine} `{version}` itself",
    why="`assumeLike` stands in for facts that are missing; where they are there it has no effect.",
    severity="warning",
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
    """A model with what is known of it. `digest` is that of its metadata folder; `gpus` are those that it may land on,
    the first the one it is planned for; `adapters` are the facts of its adapters, in their order.
    """

    model: Model
    facts: Facts
    gpus: tuple[Gpu, ...]
    hardware: Hardware
    digest: str
    chat_template: str
    calibration: tuple[str, str]
    """Its path as people are shown it, and its text."""
    adapters: tuple[Facts, ...]

    @property
    def at(self) -> Path:
        return ("models", self.model.name)

    @property
    def gpu(self) -> Gpu:
        return self.gpus[0]

    @property
    def hardware_at(self) -> Path:
        return (*self.at, "hardware") if self.model.hardware else ("serving", "hardware")


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
    models = tuple(each for model in spec.models if (each := _model(model, spec, locked, digests, folder, report)))
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
    model: Model, spec: LLMService, locked: Locked, digests: dict[str, Digest], folder: Folder, report: Report
) -> ResolvedModel | None:
    at: Path = ("models", model.name)
    _check_source(model.uri, model.revision, at, report)
    _check_release(model.engine, (*at, "engine"), report)
    adapters = model.lora.adapters if model.lora else ()
    for each in adapters:
        _check_source(each.uri, each.revision, (*at, "lora", "adapters", each.name), report)
    hardware = model.hardware or spec.serving.hardware
    gpus = _gpus(model, hardware, at, report)
    found = [locked.lock.models.get(model_key(each.uri, each.revision)) for each in _weights(model)]
    facts = [each for each in found if each is not None]
    if not gpus or hardware is None or len(facts) < len(found):
        return None
    calibration = model.quantization.calibration
    calibrated = (*at, "quantization", "calibration", "file")
    return ResolvedModel(
        model=model,
        facts=facts[0],
        gpus=gpus,
        hardware=hardware,
        digest=digests[model.metadata].sha256 if model.metadata in digests else "",
        chat_template=_text(model.chat_template, (*at, "chatTemplate"), digests, folder, report),
        calibration=(
            (folder.shown(calibration.file), _text(calibration.file, calibrated, digests, folder, report))
            if calibration
            else ("", "")
        ),
        adapters=tuple(facts[1:]),
    )


def _weights(model: Model) -> tuple[Model | Adapter, ...]:
    return (model, *(model.lora.adapters if model.lora else ()))


def _text(path: str | None, at: Path, digests: dict[str, Digest], folder: Folder, report: Report) -> str:
    """A locked text file; empty where none is named, or where it cannot be read, which is said."""
    if path is None or path not in digests:
        return ""
    try:
        return folder.read(path).decode("utf-8")
    except Unreadable as error:
        report.say(UNREADABLE, at, problem=str(error), help="name a text file that fits into memory")
    except UnicodeDecodeError:
        report.say(UNREADABLE, at, problem="it is not UTF-8", help="name a text file in UTF-8")
    return ""


def _check_source(uri: str, revision: str | None, at: Path, report: Report) -> None:
    scheme = uri.partition(":")[0]
    source = members(Source).get(scheme)
    if source is None:
        known = members(Source)
        report.say(UNKNOWN_SOURCE, (*at, "uri"), scheme=scheme, help=did_you_mean(scheme, known))
    else:
        source.check(uri, revision or "", at, report)


def _check_release(engine: Engine, at: Path, report: Report) -> None:
    known = engine.known()
    if known is None:
        near = nearest(engine.table, engine.version)
        names, title = " and ".join(f"`{each}`" for each in near), table(engine.table).title
        hint = f"the nearest that are known are {names}"
        if table(engine.table).images:
            hint += (
                f"; `assumeLike: {near[-1]}` here, or `--assume-like {near[-1]}`, takes {engine.version} to be like it"
            )
        report.say(UNKNOWN_RELEASE, (*at, "version"), engine=title, version=engine.version, help=hint)
    elif known.like != known.version:
        title, at = known.table.title, (*at, "assumeLike") if engine.assume_like else (*at, "version")
        report.say(
            ASSUMED, at, engine=title, version=known.version, like=known.like, help="try it out before you rely on it"
        )
    elif engine.assume_like and engine.assume_like != engine.version:
        report.say(NOT_ASSUMED, (*at, "assumeLike"), engine=known.table.title, version=engine.version, help="remove it")


def _gpus(model: Model, hardware: Hardware | None, at: Path, report: Report) -> tuple[Gpu, ...]:
    """All GPUs of a model, or none where one is unknown, which is said."""
    where = (*at, "hardware") if model.hardware else ("serving", "hardware")
    if hardware is None:
        report.say(NO_GPU, at, model=model.name, help="add `hardware: {gpu: l4}` here or under `serving`")
        return ()
    named = [((*where, "gpu"), hardware.gpu)]
    named += [((*where, "alternatives", index), gpu) for index, gpu in enumerate(hardware.alternatives)]
    for place, gpu in named:
        if gpu not in gpus():
            report.say(UNKNOWN_GPU, place, gpu=gpu, help=did_you_mean(gpu, gpus()))
    if any(gpu not in gpus() for _, gpu in named):
        return ()
    return tuple(_gpu(gpu, place) for place, gpu in named)


def _gpu(sku: str, place: Path) -> Gpu:
    row = gpus()[sku]
    origin = ".".join(str(step) for step in place if isinstance(step, str))
    return Gpu(sku, row.products, row.compute_capability, row.memory_mib * 2**20, origin)
