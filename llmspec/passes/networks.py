"""A resolved model as the network that its engine sees."""

from __future__ import annotations

from hashlib import sha256

from llmspec.families import Cache
from llmspec.lock.lock import model_key
from llmspec.part import members
from llmspec.passes.resolve import Resolved, ResolvedModel
from llmspec.plan.network import Adapter, Facts, Network, Parallel, Precision
from llmspec.sizing.quantized import served_bytes
from llmspec.spec.models import Model
from llmspec.spec.service import LLMService

MODELS = "/models"
"""Where the cache is mounted in every container."""
SHORT_CONTEXT = 8192
"""Tokens, where a spec names no `maxModelLen`."""
GIB = 2**30


def cache_of(spec: LLMService) -> Cache:
    """The weight cache: what the spec says, or each node's disk."""
    if spec.serving.cache:
        return spec.serving.cache
    ephemeral: Cache = members(Cache)["ephemeral"]()  # type: ignore[call-arg] # the member has a default
    return ephemeral


def network(resolved: Resolved, each: ResolvedModel) -> Network:
    """What an engine is told of a model."""
    model, facts = each.model, each.facts
    digest = _digest(model.uri, model.revision, facts)
    limit = facts.longest_context or SHORT_CONTEXT
    weights, precision = f"{MODELS}/{model.name}-{digest[:12]}", _precision(each)
    return Network(
        service=resolved.spec.metadata.name,
        name=model.name,
        task=model.task,
        uri=model.uri,
        revision=model.revision or "",
        digest=digest,
        facts=facts,
        gpus=each.gpus,
        gpus_per_node=each.hardware.gpus_per_node,
        parallel=_parallel(model),
        precision=precision,
        max_model_len=model.context.max_model_len or min(SHORT_CONTEXT, limit),
        max_num_seqs=model.context.max_num_seqs,
        weights=weights,
        checkpoint=weights,
        served_bytes=_served_bytes(facts, precision.method),
        served_name=model.served_name or model.name,
        chat_template=each.chat_template,
        adapters=_adapters(each),
        bandwidth=cache_of(resolved.spec).read_bandwidth,
        cpu=model.resources.cpu,
        memory=model.resources.memory or 0,
        at=each.at,
    )


def _served_bytes(facts: Facts, method: str) -> int:
    outside = 2 * facts.vocabulary * facts.hidden_size
    had = "none" if facts.quantization else method
    return served_bytes(had, facts.weight_bytes, facts.parameters, outside)


def _digest(uri: str, revision: str | None, facts: Facts) -> str:
    return sha256(f"{model_key(uri, revision)}\n{sorted(facts.files.items())}".encode()).hexdigest()


def _parallel(model: Model) -> Parallel:
    split = model.parallelism
    return Parallel(tensor=split.tensor, pipeline=split.pipeline, data=split.data, expert=split.expert)


def _precision(each: ResolvedModel) -> Precision:
    """What is asked for, or what the checkpoint has. Only a checkpoint that is not quantized can be made another."""
    model, asked, has = each.model, each.model.quantization, each.facts.quantization
    method = asked.method or has or "none"
    calibration = asked.calibration
    is_built = bool(calibration) and method != "none" and not has
    return Precision(
        method=method,
        kv_cache=asked.kv_cache,
        maker=each.facts.quantizer if has else "modelopt" if is_built and not model.engine.runs_graphs else method,
        is_built=is_built,
        calibration="".join(f"{line}\n" for _, line in calibration_rows(each)),
        samples=calibration.samples if calibration else 0,
        length=calibration.max_length if calibration else 0,
        exclude=asked.exclude,
    )


def calibration_rows(each: ResolvedModel) -> list[tuple[int, str]]:
    """The rows that are measured, with their numbers in the file: the first `samples` of it, empty lines left out."""
    asked, (_, text) = each.model.quantization.calibration, each.calibration
    rows = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    return rows[: asked.samples if asked else 0]


def _adapters(each: ResolvedModel) -> tuple[Adapter, ...]:
    lora, name = each.model.lora, each.model.name
    rows = zip(lora.adapters if lora else (), each.adapters, strict=True)
    return tuple(
        Adapter(
            name=adapter.name,
            uri=adapter.uri,
            revision=adapter.revision or "",
            facts=facts,
            folder=f"{MODELS}/{name}-{adapter.name}-{_digest(adapter.uri, adapter.revision, facts)[:12]}",
            origin=f"models.{name}.lora.adapters.{adapter.name}",
        )
        for adapter, facts in rows
    )
