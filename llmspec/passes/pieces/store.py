"""The vector store, its index, and what an application needs to search it."""

from __future__ import annotations

from hashlib import sha256

import msgspec
from msgspec.structs import replace

from llmspec.passes.networks import network
from llmspec.passes.pieces.piece import Piece, callers_of, namespace_of
from llmspec.passes.resolve import Resolved
from llmspec.plan.network import Index
from llmspec.plan.workload import Env, Files
from llmspec.render.yaml import dump
from llmspec.spec.rag import Rag


def of_store(resolved: Resolved, rag: Rag) -> Piece:
    """The vector store, and what an application needs to search it."""
    index = _index(resolved, rag)
    name, definition = rag.store.definition(index)
    files = Files(
        name="rag",
        purpose="retrieval settings and the index's definition, for the service's application",
        entries=(("retrieval.yaml", _settings(rag, index)), (name, definition)),
        origins=("rag",),
    )
    workload = rag.store.workload(index, resolved.pin)
    own = (replace(workload, callers=callers_of(resolved)),) if workload else ()
    return Piece(workloads=own, files=(files,))


def _settings(rag: Rag, index: Index) -> str:
    """What an application has to know to search, as YAML."""
    embedding, chunking = rag.embedding, rag.chunking
    return dump(
        {
            "index": index.physical,
            "embedding": {
                "model": embedding.model,
                "url": index.address(embedding.model, 8000),
                "dimensions": embedding.dimensions,
                "metric": embedding.metric,
            },
            "chunking": {"strategy": chunking.strategy, "size": chunking.size, "overlap": chunking.overlap},
            "retrieval": {"topK": rag.retrieval.top_k, "variable": rag.retrieval.variable},
            "store": {"kind": rag.store.kind, "env": [_env(each) for each in rag.store.connection(index)]},
        }
    )


def _env(env: Env) -> dict[str, str]:
    """A variable of the application: a value, or the Secret's key that holds it."""
    return {"name": env.name} | ({"secret": env.secret, "key": env.key} if env.secret else {"value": env.value})


def _index(resolved: Resolved, rag: Rag) -> Index:
    """The physical index: its name holds everything that its vectors depend on, so that a change makes a new one."""
    embedder = next(each for each in resolved.models if each.model.name == rag.embedding.model)
    depends = (
        network(resolved, embedder).digest,
        msgspec.to_builtins(rag.embedding),
        msgspec.to_builtins(rag.chunking),
        resolved.digests[rag.corpus.path].sha256,
    )
    fingerprint = sha256(msgspec.json.encode(depends)).hexdigest()[:8]
    service = resolved.spec.metadata.name
    return Index(
        service=service,
        namespace=namespace_of(resolved),
        name=service,
        physical=f"{service}__{fingerprint}",
        dimensions=rag.embedding.dimensions,
        metric=rag.embedding.metric,
        origin="rag",
    )
