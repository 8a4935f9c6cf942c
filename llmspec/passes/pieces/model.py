"""A model: what serves it, and the jobs that build what it loads, if it has any."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from llmspec.passes.networks import cache_of, network
from llmspec.passes.pieces.piece import Piece, callers_of
from llmspec.passes.pieces.quantize import quantize_of, quantized
from llmspec.passes.pieces.weights import Fetch, cache_size, fetch_of, on_disk, writable
from llmspec.passes.resolve import Resolved, ResolvedModel
from llmspec.plan.build import Build
from llmspec.plan.network import Network, Served
from llmspec.plan.workload import Container, Env, Files, Mount, Resources, Scaling, Volume, Workload
from llmspec.sizing.startup import startup_budget

GIB = 2**30
FETCH, BUILD = 600, 3600
"""Seconds that a pod may wait for small weights, or for the engine that a job builds from them."""
SCHEDULE = 120
"""Seconds that a pod may take to find its node and image, beyond what its job was given."""
DOWNLOAD = 50 * 10**6
"""Bytes a second that a download makes at least: an allowance, from a hub or a bucket over a shared link."""
TEARDOWN = 15
"""Seconds between the last answer and the end of the process, from llm-d's guides."""


def of_model(resolved: Resolved, each: ResolvedModel) -> Piece:
    """A model's Deployment, what fetches its weights, and the jobs that build what it loads if it has any."""
    source = network(resolved, each)
    made = quantize_of(source, resolved.pin)
    net = quantized(source, made)
    served = each.model.engine.serve(net, resolved.pin)
    build = served.build or made
    fetches = fetch_of(resolved, net)
    cache = cache_of(resolved.spec).volume(net.service, cache_size(resolved))
    sums = tuple(files for fetch in fetches for files in fetch.sums)
    workload = _service(resolved, each, net, served, build, fetches, cache)
    weights = next(fetch for fetch in fetches if fetch.is_weights)
    jobs = tuple(_build_jobs(net, served, build, weights.container, cache, sums)) if build else ()
    documents = tuple(
        (f"engine/{net.name}/{path}", purpose, text, f"{net.origin}.engine") for path, purpose, text in served.documents
    )
    return Piece(
        workloads=(workload, *jobs),
        images=(served.image, *(fetch.image for fetch in fetches), *((build.image,) if build else ())),
        served=served,
        builds=(build,) if build else (),
        files=(*served.files, *sums),
        documents=documents,
    )


def _service(
    resolved: Resolved,
    each: ResolvedModel,
    net: Network,
    served: Served,
    build: Build | None,
    fetches: tuple[Fetch, ...],
    cache: Volume,
) -> Workload:
    """What answers. Where a job builds what it loads, the job fetches the weights; adapters are read here alone."""
    own = tuple(fetch for fetch in fetches if not (build and fetch.is_weights))
    wait = (_wait(served, build),) if build else ()
    return Workload(
        name=net.name,
        component=net.task,
        kind="service",
        purpose=f"{net.name} ({net.task}), {net.uri}",
        containers=(on_disk(served.container, cache),),
        init=(*(fetch.container for fetch in own), *wait),
        volumes=_volumes(served, cache, tuple(files for fetch in own for files in fetch.sums)),
        scaling=_scaling(each, served),
        gpus=net.gpus,
        driver=served.driver,
        nodes=net.nodes,
        workers=(on_disk(served.worker, cache),) if served.worker else (),
        grace=served.container.wait + served.drain + TEARDOWN,
        deadline=startup_budget(served.startup) + _download(net) + (BUILD if build else 0) + SCHEDULE,
        callers=callers_of(resolved, net.task),
        internet=bool(own),
        metrics_port=served.metrics_port,
        metrics_path=served.metrics_path,
        signals=served.signals,
        origin=net.origin,
    )


def _download(net: Network) -> int:
    """Seconds for weights that are not in the cache yet."""
    return FETCH + net.facts.weight_bytes // DOWNLOAD


def _scaling(each: ResolvedModel, served: Served) -> Scaling:
    scaling = each.model.scaling
    return Scaling(
        minimum=scaling.min_replicas,
        maximum=scaling.max_replicas or scaling.min_replicas,
        metric=served.queue_metric,
        target=str(scaling.target_queue),
        origin=f"models.{each.model.name}.scaling",
    )


def _wait(served: Served, build: Build) -> Container:
    return Container(
        name="wait-for-engine",
        image=served.image,
        command=("/opt/llmspec/wait-for.sh",),
        args=build.marks,
        mounts=(Mount(volume="models", path="/models"),),
        resources=Resources(cpu=100, memory=64 * 2**20, scratch=2**20),
    )


def _volumes(served: Served, cache: Volume, sums: tuple[Files, ...]) -> tuple[Volume, ...]:
    scratch = Volume(name="scratch", kind="scratch", size=served.container.resources.scratch)
    shared = (Volume(name="shm", kind="memory", size=served.shared_memory),) if served.shared_memory else ()
    files = tuple(Volume(name=each.name, kind="files", source=each.name) for each in (*served.files, *sums))
    return (cache, scratch, *shared, *files)


def _build_jobs(
    net: Network, served: Served, build: Build, fetch: Container, cache: Volume, sums: tuple[Files, ...]
) -> Iterator[Workload]:
    """The build as a job on each kind of GPU that needs its own. A name holds the digest of its inputs, because a job's
    template cannot change.
    """
    for capability in build.capabilities or ("",):
        options = ("--capability", capability) if capability else ()
        container = Container(
            name="build",
            image=build.image,
            command=build.image.command,
            args=(*options, net.weights, build.result),
            env=(Env(name="HOME", value="/scratch/home"),),
            mounts=writable(),
            resources=Resources(cpu=4000, memory=build.memory, scratch=build.scratch, gpus=build.gpus),
        )
        volumes = _volumes(replace(served, container=container), cache, sums)
        used = {mount.volume for mount in (*container.mounts, *fetch.mounts)}
        several = f"-sm{capability.replace('.', '')}" if len(build.capabilities) > 1 else ""
        digest = sha256(msgspec.json.encode((container, fetch))).hexdigest()[:8]
        yield Workload(
            name=f"{build.image.name}{several}-{digest}",
            component="engine-build",
            kind="job",
            purpose=f"builds what {net.name} loads, on a GPU",
            containers=(container,),
            init=(fetch,),
            volumes=tuple(each for each in volumes if each.name in used),
            scaling=Scaling(minimum=1, maximum=1),
            gpus=tuple(gpu for gpu in net.gpus if capability in ("", gpu.compute_capability)),
            driver=served.driver,
            deadline=BUILD + _download(net),
            internet=True,
            origin=build.origin,
        )
