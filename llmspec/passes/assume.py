"""Releases that the command line takes to be like others, put into the spec as if it said so."""

from __future__ import annotations

from msgspec.structs import replace

from llmspec.catalog.releases import table
from llmspec.families import Engine
from llmspec.spec.models import Model
from llmspec.spec.service import LLMService


def assumed(spec: LLMService, releases: tuple[str, ...]) -> LLMService:
    """The spec with `assumeLike` for every engine whose version is unknown and that says none itself. `releases` are
    `VERSION` or `KIND=VERSION`; one that the engine's table lacks is not for it.
    """
    if not releases:
        return spec
    return replace(spec, models=tuple(_assumed(model, releases) for model in spec.models))


def _assumed(model: Model, releases: tuple[str, ...]) -> Model:
    engine = model.engine
    like = next((version for each in releases if (version := _meant(each, engine))), None)
    if engine.assume_like or engine.known() or like is None:
        return model
    return replace(model, engine=replace(engine, assume_like=like))


def _meant(release: str, engine: Engine) -> str:
    """The version, if it is one of this engine's."""
    kind, _, version = release.rpartition("=")
    return version if kind in ("", engine.kind) and version in table(engine.table).releases else ""
