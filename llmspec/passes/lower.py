"""Resolved to Plan: what has to exist, decided; how it is written is left to the targets."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from llmspec.families import Release, Source
from llmspec.lock.references import FETCH_BASE
from llmspec.part import members
from llmspec.passes.networks import cache_of, network
from llmspec.passes.resolve import Resolved, ResolvedModel
from llmspec.plan.build import ContextFile, Image
from llmspec.plan.network import Index, Network, Served
from llmspec.plan.plan import Identity, Plan
from llmspec.plan.workload import Caller, Container, Env, Files, Mount, Resources, Scaling, Volume, Workload
from llmspec.render.yaml import dump
from llmspec.report.report import Report
from llmspec.sizing.startup import startup_budget
from llmspec.spec.rag import Rag

GIB = 2**30
SUMS = "/etc/llmspec-sums"
FETCH, BUILD = 600, 3600
"""Seconds that a pod may wait for its weights, or for the engine that a job builds."""
TEARDOWN = 15
"""Seconds between the last answer and the end of the process, from llm-d's guides."""


class _Piece(Struct, frozen=True, kw_only=True):
    """What one model or store adds to the plan."""

    workloads: tuple[Workload, ...]
    images: tuple[Image, ...] = ()
    served: Served | None = None
    files: tuple[Files, ...] = ()
    documents: tuple[tuple[str, str, str, str], ...] = ()


def lower(resolved: Resolved, report: Report) -> Plan:
    """The plan of one environment. What a part finds wrong with it is in the report."""
    pieces = [_model(resolved, each) for each in resolved.models]
    if resolved.spec.rag:
        pieces.append(_store(resolved, resolved.spec.rag))
    pieces.append(_Piece(workloads=(), files=tuple(_prompts(resolved))))
    release = _release(resolved)
    served = [piece.served for piece in pieces if piece.served]
    plan = Plan(
        identity=_identity(resolved),
        monitoring=resolved.spec.serving.monitoring_namespace,
        release=release,
        other_release=members(Release)["rolling"](),
        workloads=_sorted(workload for piece in pieces for workload in piece.workloads),
        images=_sorted(_different(image for piece in pieces for image in piece.images)),
        builds=tuple(each.build for each in served if each.build),
        repositories=tuple(each.repository for each in served if each.repository),
        files=_sorted(each for piece in pieces for each in piece.files),
        documents=tuple(sorted(document for piece in pieces for document in piece.documents)),
    )
    for workload in plan.workloads:
        if workload.component == "generate":
            release.check(workload, ("release",), report)
    return plan


def _sorted(items: Iterator[Any]) -> tuple[Any, ...]:
    return tuple(sorted(items, key=lambda each: str(each.name)))


def _different(images: Iterator[Image]) -> Iterator[Image]:
    """Each image once, whoever asks for it; two that share a name only are both kept, and refused when they are
    written."""
    seen: set[bytes] = set()
    for image in images:
        content = msgspec.json.encode(replace(image, origin=""))
        if content not in seen:
            seen.add(content)
            yield image


def _namespace(resolved: Resolved) -> str:
    return resolved.spec.serving.namespace or resolved.spec.metadata.name


def _identity(resolved: Resolved) -> Identity:
    spec = resolved.spec
    return Identity(
        service=spec.metadata.name,
        environment=resolved.environment,
        namespace=_namespace(resolved),
        registry=spec.serving.registry,
        owner=spec.metadata.owner or "",
        labels=tuple((str(key), str(value)) for key, value in spec.metadata.labels.items()),
    )


def _model(resolved: Resolved, each: ResolvedModel) -> _Piece:
    """A model's Deployment, what fetches its weights, and the job that builds its engine if it has one."""
    net = network(resolved, each)
    served = each.model.engine.serve(net, resolved.pin)
    fetch_image, fetch, sums = _fetch(resolved, net)
    cache = cache_of(resolved.spec).volume(net.service, _cache_size(resolved))
    files = (*served.files, *sums)
    wait = (_wait(served),) if served.build else ()
    workload = Workload(
        name=net.name,
        component=net.task,
        kind="service",
        purpose=f"{net.name} ({net.task}), {net.uri}",
        containers=(_on_disk(served.container, cache),),
        init=wait or (fetch,),
        volumes=_volumes(served, cache, () if wait else sums),
        scaling=_scaling(each, served),
        gpu=net.gpu,
        grace=served.container.wait + served.drain + TEARDOWN,
        deadline=startup_budget(served.startup) + FETCH + (BUILD if wait else 0),
        callers=_callers(resolved, net.task),
        internet=not wait,
        metrics_port=served.metrics_port,
        signals=served.signals,
        origin=net.origin,
    )
    job = (_build_job(net, served, fetch, cache, sums),) if served.build else ()
    images = (served.image, fetch_image, *((served.build.image,) if served.build else ()))
    documents = tuple(
        (f"engine/{net.name}/{path}", purpose, text, f"{net.origin}.engine") for path, purpose, text in served.documents
    )
    return _Piece(workloads=(workload, *job), images=images, served=served, files=files, documents=documents)


def _cache_size(resolved: Resolved) -> int:
    return sum(each.facts.weight_bytes for each in resolved.models)


def _scaling(each: ResolvedModel, served: Served) -> Scaling:
    scaling = each.model.scaling
    return Scaling(
        minimum=scaling.min_replicas,
        maximum=scaling.max_replicas or scaling.min_replicas,
        metric=served.queue_metric,
        target=str(scaling.target_queue),
        origin=f"models.{each.model.name}.scaling",
    )


def _release(resolved: Resolved) -> Release:
    rolling: Release = members(Release)["rolling"]()
    return resolved.spec.release or rolling


def _callers(resolved: Resolved, task: str = "") -> tuple[Caller, ...]:
    """The clients, and what a release puts before a generating model."""
    before = _release(resolved).callers(_namespace(resolved)) if task == "generate" else ()
    return before + tuple(
        Caller(
            namespace=client.namespace,
            labels=tuple((str(key), str(value)) for key, value in client.labels.items()),
            ports=("http", "grpc"),
            origin=f"serving.clients.{client.name}",
        )
        for client in resolved.spec.serving.clients
    )


def _fetch(resolved: Resolved, net: Network) -> tuple[Image, Container, tuple[Files, ...]]:
    """The image, the container and the checksums that bring a model's weights to the cache."""
    scheme = net.uri.partition(":")[0]
    source = members(Source)[scheme]
    image = Image(
        name=f"fetch-{scheme}",
        base=resolved.pin(FETCH_BASE),
        template="docker/fetch.Dockerfile",
        title=f"downloader of weights from {scheme}",
        packages=source.packages,
        files=(
            ContextFile(path="fetch.sh", template="docker/fetch.sh"),
            ContextFile(path="download.sh", template=source.script),
        ),
        command=("/opt/llmspec/fetch.sh",),
        origin=f"{net.origin}.uri",
    )
    listing = "".join(f"{digest}  {path}\n" for path, digest in sorted(net.facts.files.items()))
    sums = Files(
        name=f"{net.name}-sums",
        purpose=f"checksums of the weights of {net.name}",
        entries=(("SHA256SUMS", listing),),
        origins=(f"{net.origin}.metadata",),
    )
    own = (sums,) if listing else ()
    sums_mount = tuple(Mount(volume=each.name, path=SUMS) for each in own)
    container = Container(
        name="fetch",
        image=image,
        command=image.command,
        args=(net.weights, f"{SUMS}/SHA256SUMS" if own else "-", *source.arguments(net.uri, net.revision)),
        env=(Env(name="HOME", value="/scratch/home"), *source.environment()),
        mounts=(*_writable(), *sums_mount),
        resources=Resources(cpu=1000, memory=4 * GIB, scratch=GIB),
    )
    return image, container, own


def _on_disk(container: Container, cache: Volume) -> Container:
    """The container with room for the cache where that is the node's disk; more than its limit has the pod evicted."""
    if cache.kind != "scratch":
        return container
    resources = replace(container.resources, scratch=container.resources.scratch + cache.size)
    return replace(container, resources=resources)


def _writable() -> tuple[Mount, ...]:
    return (
        Mount(volume="models", path="/models", read_only=False),
        Mount(volume="scratch", path="/scratch", read_only=False),
        Mount(volume="scratch", path="/tmp", read_only=False, sub_path="tmp"),  # noqa: S108 - in the container
    )


def _wait(served: Served) -> Container:
    result = served.build.result if served.build else ""
    return Container(
        name="wait-for-engine",
        image=served.image,
        command=("/opt/llmspec/wait-for.sh",),
        args=(f"{result}/.complete",),
        mounts=(Mount(volume="models", path="/models"),),
        resources=Resources(cpu=100, memory=64 * 2**20, scratch=2**20),
    )


def _volumes(served: Served, cache: Volume, sums: tuple[Files, ...]) -> tuple[Volume, ...]:
    scratch = Volume(name="scratch", kind="scratch", size=served.container.resources.scratch)
    shared = (Volume(name="shm", kind="memory", size=served.shared_memory),) if served.shared_memory else ()
    files = tuple(Volume(name=each.name, kind="files", source=each.name) for each in (*served.files, *sums))
    return (cache, scratch, *shared, *files)


def _build_job(net: Network, served: Served, fetch: Container, cache: Volume, sums: tuple[Files, ...]) -> Workload:
    """The engine's build as a job on the GPU that will serve it. Its name holds the digest of its inputs, because a
    job's template cannot change.
    """
    if served.build is None:
        raise ValueError(f"{net.name} has nothing to build")
    build = served.build
    container = Container(
        name="build",
        image=build.image,
        command=build.image.command,
        args=(net.weights, build.result),
        env=(Env(name="HOME", value="/scratch/home"),),
        mounts=_writable(),
        resources=Resources(cpu=4000, memory=16 * GIB, scratch=20 * GIB, gpus=1),
    )
    volumes = _volumes(replace(served, container=container), cache, sums)
    return Workload(
        name=f"{build.image.name}-{sha256(msgspec.json.encode((container, fetch))).hexdigest()[:8]}",
        component="engine-build",
        kind="job",
        purpose=f"builds the engine of {net.name} on a GPU",
        containers=(container,),
        init=(fetch,),
        volumes=tuple(
            each for each in volumes if each.name in {mount.volume for mount in (*container.mounts, *fetch.mounts)}
        ),
        scaling=Scaling(minimum=1, maximum=1),
        gpu=net.gpu,
        deadline=BUILD,
        internet=True,
        origin=build.origin,
    )


def _prompts(resolved: Resolved) -> Iterator[Files]:
    if resolved.prompts:
        yield Files(
            name="prompts",
            purpose="prompts of the release, for the service's application",
            entries=tuple((f"{each.prompt.name}.prompt.yaml", each.text) for each in resolved.prompts),
            origins=tuple(f"prompts.{each.prompt.name}" for each in resolved.prompts),
        )


def _store(resolved: Resolved, rag: Rag) -> _Piece:
    """The vector store, and what an application needs to search it."""
    index = _index(resolved, rag)
    name, definition = rag.store.definition(index)
    settings = dump(
        {
            "index": index.physical,
            "embedding": {
                "model": rag.embedding.model,
                "url": index.address(rag.embedding.model, 8000),
                "dimensions": rag.embedding.dimensions,
                "metric": rag.embedding.metric,
            },
            "chunking": {
                "strategy": rag.chunking.strategy,
                "size": rag.chunking.size,
                "overlap": rag.chunking.overlap,
            },
            "retrieval": {"topK": rag.retrieval.top_k, "variable": rag.retrieval.variable},
            "store": {
                "kind": rag.store.kind,
                "env": [
                    {
                        "name": env.name,
                        **({"secret": env.secret, "key": env.key} if env.secret else {"value": env.value}),
                    }
                    for env in rag.store.connection(index)
                ],
            },
        }
    )
    files = Files(
        name="rag",
        purpose="retrieval settings and the index's definition, for the service's application",
        entries=(("retrieval.yaml", settings), (name, definition)),
        origins=("rag",),
    )
    workload = rag.store.workload(index, resolved.pin)
    own = (replace(workload, callers=_callers(resolved)),) if workload else ()
    return _Piece(workloads=own, files=(files,))


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
        namespace=_namespace(resolved),
        name=service,
        physical=f"{service}__{fingerprint}",
        dimensions=rag.embedding.dimensions,
        metric=rag.embedding.metric,
        origin="rag",
    )
