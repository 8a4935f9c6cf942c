"""How weights reach the cache."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from llmspec.families import Source
from llmspec.lock.references import FETCH_BASE
from llmspec.part import members
from llmspec.passes.resolve import Resolved
from llmspec.plan.build import ContextFile, Image
from llmspec.plan.network import Adapter, Facts, Network
from llmspec.plan.workload import SCRATCH, Container, Env, Files, Mount, Resources, Volume

GIB = 2**30
SUMS = "/etc/llmspec-sums"


class Fetch(Struct, frozen=True):
    """What brings one set of files to the cache: image, container, and the checksums it is held against, if any."""

    image: Image
    container: Container
    sums: tuple[Files, ...]
    is_weights: bool


def cache_size(resolved: Resolved) -> int:
    return sum(each.facts.weight_bytes for each in resolved.models)


def fetch_of(resolved: Resolved, net: Network) -> tuple[Fetch, ...]:
    """What brings a model's weights to the cache, and each of its adapters."""
    rows = (
        _fetch(resolved, adapter.uri, adapter.revision, adapter.facts, adapter.folder, net, adapter)
        for adapter in net.adapters
    )
    return (_fetch(resolved, net.uri, net.revision, net.facts, net.weights, net, None), *rows)


def _fetch(
    resolved: Resolved, uri: str, revision: str, facts: Facts, folder: str, net: Network, adapter: Adapter | None
) -> Fetch:
    scheme = uri.partition(":")[0]
    source = members(Source)[scheme]
    name, suffix = f"{net.name}-{adapter.name}" if adapter else net.name, f"-{adapter.name}" if adapter else ""
    sums = _sums(facts, name, adapter.origin if adapter else net.origin)
    image = _image(resolved, scheme, source, net)
    container = Container(
        name=f"fetch{suffix}",
        image=image,
        command=image.command,
        args=(folder, f"{SUMS}{suffix}/SHA256SUMS" if sums else "-", *source.arguments(uri, revision)),
        env=(Env(name="HOME", value="/scratch/home"), *source.environment()),
        mounts=(*writable(), *(Mount(volume=each.name, path=f"{SUMS}{suffix}") for each in sums)),
        resources=Resources(cpu=1000, memory=4 * GIB, scratch=GIB),
    )
    return Fetch(image, container, sums, adapter is None)


def _image(resolved: Resolved, scheme: str, source: type[Source], net: Network) -> Image:
    return Image(
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


def _sums(facts: Facts, name: str, origin: str) -> tuple[Files, ...]:
    listing = "".join(f"{digest}  {path}\n" for path, digest in sorted(facts.files.items()))
    if not listing:
        return ()
    files = Files(
        name=f"{name}-sums",
        purpose=f"checksums of the weights of {name}",
        entries=(("SHA256SUMS", listing),),
        origins=(f"{origin}.metadata",),
    )
    return (files,)


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
