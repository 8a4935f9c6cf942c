"""A resolved model as the network that its engine sees."""

from __future__ import annotations

from hashlib import sha256

from llmspec.families import Cache
from llmspec.lock.lock import model_key
from llmspec.part import members
from llmspec.passes.resolve import Resolved, ResolvedModel
from llmspec.plan.network import Network
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
    key = model_key(model.uri, model.revision)
    digest = sha256(f"{key}\n{sorted(facts.files.items())}".encode()).hexdigest()
    limit = facts.longest_context or SHORT_CONTEXT
    return Network(
        service=resolved.spec.metadata.name,
        name=model.name,
        task=model.task,
        uri=model.uri,
        revision=model.revision or "",
        digest=digest,
        facts=facts,
        gpu=each.gpu,
        tensor_parallel=model.parallelism.tensor,
        max_model_len=model.context.max_model_len or min(SHORT_CONTEXT, limit),
        max_num_seqs=model.context.max_num_seqs,
        weights=f"{MODELS}/{model.name}-{digest[:12]}",
        bandwidth=cache_of(resolved.spec).read_bandwidth,
        cpu=model.resources.cpu,
        memory=model.resources.memory or 0,
        at=each.at,
    )
