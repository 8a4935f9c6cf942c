"""The Triton model repository: the plans, and before them a tokenizer, so that text goes in and vectors come out."""

from __future__ import annotations

from typing import Any

from llmspec.parts.tensorrt.graph import TYPES
from llmspec.parts.tensorrt.profiles import Profiles, batch_axis, lengths, sequence_axis, sizes
from llmspec.plan.build import ContextFile, PlanModel, Repository, Tensor, TextModels
from llmspec.plan.network import Network

NO_FILES = "Triton asks for a version of every model; that of an ensemble has no files.\n"
TEXTS = {"rerank": ("query", "document")}
"""Inputs of the ensemble by task; elsewhere it is `text`."""


def engine_model(network: Network, tokenizer: str | None) -> str:
    """The repository's model that has the plans."""
    return f"{network.name}-engine" if tokenizer else network.name


def repository_of(
    network: Network,
    profiles: Profiles,
    plans: tuple[tuple[str, str], ...],
    delay: int,
    instances: int,
    tokenizer: str | None,
) -> Repository:
    """All files but the plans: capability → file in `plans`, `delay` in microseconds."""
    engine = plan_model(network, profiles, plans, delay, instances, tokenizer)
    files = [_config(engine.model, "triton/config.pbtxt", engine)]
    if tokenizer:
        text = _text_models(network, profiles, engine, tokenizer)
        files += [
            _config(text.model, "triton/ensemble.pbtxt", text),
            _config(text.tokenizer_model, "triton/tokenizer.pbtxt", text),
            ContextFile(path=f"{text.tokenizer_model}/1/model.py", template="triton/tokenizer.py"),
            ContextFile(path=f"{text.model}/1/README", text=NO_FILES),
        ]
    origin = f"{network.origin}.engine"
    return Repository(model=network.name, files=tuple(sorted(files, key=lambda each: each.path)), origin=origin)


def _config(model: str, template: str, values: Any) -> ContextFile:
    return ContextFile(path=f"{model}/config.pbtxt", template=template, values=values)


def plan_model(
    network: Network,
    profiles: Profiles,
    plans: tuple[tuple[str, str], ...],
    delay: int,
    instances: int,
    tokenizer: str | None,
) -> PlanModel:
    """Batches up to the greatest of any profile; the usual ones, for which kernels were picked, are preferred."""
    facts, batch = network.facts, batch_axis(network.facts) or ""
    usual = {profile[batch][1] for profile in profiles}
    most = max(profile[batch][2] for profile in profiles)
    return PlanModel(
        model=engine_model(network, tokenizer),
        max_batch_size=most,
        inputs=tuple(_served(each) for each in facts.inputs),
        outputs=tuple(_served(each) for each in facts.outputs),
        plans=plans,
        preferred_batch_sizes=tuple(sorted({*usual, most})),
        max_queue_delay=delay,
        instances=instances,
        profiles=len(profiles),
        warmups=tuple((profile[batch][1], _warm(network, profile)) for profile in profiles),
    )


def _served(tensor: Tensor) -> Tensor:
    """As Triton wants it: its name of the type, the batch axis left out, -1 where an axis is dynamic."""
    shape = tuple(-1 if isinstance(axis, str) else axis for axis in tensor.shape[1:])
    return Tensor(tensor.name, TYPES[tensor.dtype], shape)


def _warm(network: Network, profile: dict[str, tuple[int, ...]]) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(each.name, TYPES[each.dtype], sizes(profile, each.shape, 1)[1:]) for each in network.facts.inputs
    )


def _text_models(network: Network, profiles: Profiles, engine: PlanModel, tokenizer: str) -> TextModels:
    padded = lengths(profiles, sequence_axis(network.facts) or "")
    return TextModels(
        model=network.name,
        tokenizer_model=f"{network.name}-tokenizer",
        engine=engine.model,
        max_batch_size=engine.max_batch_size,
        texts=TEXTS.get(network.task, ("text",)),
        tokens=engine.inputs,
        outputs=engine.outputs,
        tokenizer=f"{network.weights}/{tokenizer}",
        lengths=",".join(str(length) for length in padded),
        instances=max(1, network.cpu // 1000),
    )
