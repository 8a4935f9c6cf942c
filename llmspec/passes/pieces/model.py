"""A model: what serves it, and the job that builds its engine if it has one."""

from __future__ import annotations

from hashlib import sha256

import msgspec
from msgspec.structs import replace

from llmspec.passes.networks import cache_of, network
from llmspec.passes.pieces.piece import Piece, callers_of
from llmspec.passes.pieces.weights import cache_size, fetch_of, on_disk, writable
from llmspec.passes.resolve import Resolved, ResolvedModel
from llmspec.plan.network import Network, Served
from llmspec.plan.workload import Container, Env, Files, Mount, Resources, Scaling, Volume, Workload
from llmspec.sizing.startup import startup_budget

GIB = 2**30
FETCH, BUILD = 600, 3600
"""Seconds that a pod may wait for its weights, or for the engine that a job builds."""
TEARDOWN = 15
"""Seconds between the last answer and the end of the process, from llm-d's guides."""


def of_model(resolved: Resolved, each: ResolvedModel) -> Piece:
    """A model's Deployment, what fetches its weights, and the job that builds its engine if it has one."""
    net = network(resolved, each)
    served = each.model.engine.serve(net, resolved.pin)
    fetch_image, fetch, sums = fetch_of(resolved, net)
    cache = cache_of(resolved.spec).volume(net.service, cache_size(resolved))
    files = (*served.files, *sums)
    wait = (_wait(served),) if served.build else ()
    workload = Workload(
        name=net.name,
        component=net.task,
        kind="service",
        purpose=f"{net.name} ({net.task}), {net.uri}",
        containers=(on_disk(served.container, cache),),
        init=wait or (fetch,),
        volumes=_volumes(served, cache, () if wait else sums),
        scaling=_scaling(each, served),
        gpu=net.gpu,
        grace=served.container.wait + served.drain + TEARDOWN,
        deadline=startup_budget(served.startup) + FETCH + (BUILD if wait else 0),
        callers=callers_of(resolved, net.task),
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
    return Piece(workloads=(workload, *job), images=images, served=served, files=files, documents=documents)


def _scaling(each: ResolvedModel, served: Served) -> Scaling:
    scaling = each.model.scaling
    return Scaling(
        minimum=scaling.min_replicas,
        maximum=scaling.max_replicas or scaling.min_replicas,
        metric=served.queue_metric,
        target=str(scaling.target_queue),
        origin=f"models.{each.model.name}.scaling",
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
        mounts=writable(),
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
