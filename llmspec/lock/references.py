"""What a spec points at: everything that has to be in the lock."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from llmspec.catalog.releases import table
from llmspec.families import Source
from llmspec.lock.lock import model_key
from llmspec.part import members
from llmspec.report.place import Path
from llmspec.spec.models import Model
from llmspec.spec.service import LLMService

FETCH_BASE = "python:3.13-slim"
"""Base of the image that downloads weights."""

WEIGHTS = (".bin", ".data", ".gguf", ".h5", ".onnx_data", ".pt", ".pth", ".safetensors")
"""Endings of weight files. One may lie in a model's metadata folder on one machine and not on another, because it is
not in git; its digest stands in SHA256SUMS."""


class Reference(Struct, frozen=True, order=True):
    """One thing to pin. `table` is the lock's table, `key` its key, `at` the path in the spec that asks for it.

    Of a folder, files with an ending in `without` do not count.
    """

    table: str
    key: str
    at: Path
    without: tuple[str, ...] = ()


def references(spec: LLMService) -> tuple[Reference, ...]:
    """Everything to pin, sorted, each once."""
    found: dict[tuple[str, str], Reference] = {}
    for reference in _all(spec):
        found.setdefault((reference.table, reference.key), reference)
    return tuple(found[key] for key in sorted(found))


def _all(spec: LLMService) -> Iterator[Reference]:
    for model in spec.models:
        yield from _of_model(model)
    for prompt in spec.prompts:
        yield Reference("files", prompt.file, ("prompts", prompt.name, "file"))
    if spec.rag:
        yield Reference("files", spec.rag.corpus.path, ("rag", "corpus", "path"))
        for image in spec.rag.store.images():
            yield Reference("images", image, ("rag", "store", "version"))
    for dataset in spec.tests.datasets:
        yield Reference("files", dataset.file, ("tests", "datasets", dataset.name, "file"))
    for action in spec.ci.actions() if spec.ci else ():
        yield Reference("actions", action, ("ci",))


def _of_model(model: Model) -> Iterator[Reference]:
    at: Path = ("models", model.name)
    yield from _of_weights(model.uri, model.revision, model.metadata, at)
    for adapter in model.lora.adapters if model.lora else ():
        yield from _of_weights(adapter.uri, adapter.revision, adapter.metadata, (*at, "lora", "adapters", adapter.name))
    for image in model.engine.images():
        yield Reference("images", image, (*at, "engine", "version"))
    if model.chat_template:
        yield Reference("files", model.chat_template, (*at, "chatTemplate"))
    if model.quantization.calibration:
        at = (*at, "quantization", "calibration")
        yield Reference("files", model.quantization.calibration.file, (*at, "file"))
        if not model.engine.runs_graphs:
            yield Reference("images", quantizer_image(), at)


def _of_weights(uri: str, revision: str | None, metadata: str, at: Path) -> Iterator[Reference]:
    yield Reference("files", metadata, (*at, "metadata"), WEIGHTS)
    yield Reference("models", model_key(uri, revision), (*at, "uri"))
    if uri.partition(":")[0] in members(Source):
        yield Reference("images", FETCH_BASE, (*at, "uri"))


def quantizer_image() -> str:
    """Base of the image that quantizes checkpoints: that of the newest ModelOpt of the catalogue."""
    return table("modelopt").newest.images["build"]
