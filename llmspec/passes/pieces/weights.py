"""How weights reach the cache."""

from __future__ import annotations

from msgspec.structs import replace

from llmspec.families import Source
from llmspec.lock.references import FETCH_BASE
from llmspec.part import members
from llmspec.passes.resolve import Resolved
from llmspec.plan.build import ContextFile, Image
from llmspec.plan.network import Network
from llmspec.plan.workload import SCRATCH, Container, Env, Files, Mount, Resources, Volume

GIB = 2**30
SUMS = "/etc/llmspec-sums"


def cache_size(resolved: Resolved) -> int:
    return sum(each.facts.weight_bytes for each in resolved.models)


def fetch_of(resolved: Resolved, net: Network) -> tuple[Image, Container, tuple[Files, ...]]:
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
        mounts=(*writable(), *sums_mount),
        resources=Resources(cpu=1000, memory=4 * GIB, scratch=GIB),
    )
    return image, container, own


def on_disk(container: Container, cache: Volume) -> Container:
    """The container with room for the cache where that is the node's disk; more than its limit has the pod evicted."""
    if cache.kind != "scratch":
        return container
    resources = replace(container.resources, scratch=container.resources.scratch + cache.size)
    return replace(container, resources=resources)


def writable() -> tuple[Mount, ...]:
    return (
        Mount(volume="models", path="/models", read_only=False),
        *SCRATCH,
    )
