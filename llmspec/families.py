"""The extension points on one page: what each family of parts has to answer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Struct

from llmspec.artifacts.artifact import Artifact
from llmspec.catalog.releases import Known, known
from llmspec.part import Part
from llmspec.plan.network import Index, Network, Served
from llmspec.plan.pipeline import Pipeline
from llmspec.plan.plan import Manifest, Plans
from llmspec.plan.workload import Caller, Env, Volume, Workload
from llmspec.report.place import Path
from llmspec.report.report import Report
from llmspec.scalars import Version, doc

Pin = Callable[[str], str]
"""An upstream reference as written (`name:tag`) to the one that is pinned (`name:tag@sha256:…`)."""


Role = Literal["alone", "leader", "worker"]
"""Of a pod in its replica: the only one, the first of several nodes, or a further one."""


class Argument(Struct, frozen=True, kw_only=True):
    """An option of an engine as a user wrote it; `at` is its path below the engine."""

    name: str
    value: Any
    at: Path


class Engine(Part):
    """What runs a network: `engine.kind`."""

    tasks: ClassVar[tuple[str, ...]]
    """The `task`s it can serve."""
    table: ClassVar[str]
    """Its file in the catalogue."""
    takes: ClassVar[tuple[str, ...]] = ("context", "parallelism", "quantization")
    """The keys of a model that it heeds, of those that not every engine does."""
    runs_graphs: ClassVar[bool] = False
    """Whether it runs a fixed graph, whose lengths and precisions are built in, and not a checkpoint."""
    command: ClassVar[str] = ""
    """The command whose options a user may add to, by its name in the catalogue; empty where none may."""
    flag_command: ClassVar[str] = ""
    """The command whose options stand on the container's command line, by its name in the catalogue."""
    spans_nodes: ClassVar[bool] = False
    """Whether one replica may run on several nodes."""

    version: Annotated[Version, doc("Release of the engine; it decides images, options and metrics.")]
    assume_like: Annotated[
        Version | None,
        doc("A release that the catalogue knows, whose facts are taken where it does not know `version`."),
    ] = None

    def known(self) -> Known | None:
        """What the catalogue knows of its release."""
        return known(self.table, self.version, self.assume_like or "")

    def facts(self) -> Known:
        """The same, where its version has been checked. Raises `LookupError` otherwise."""
        found = self.known()
        if found is None:
            raise LookupError(f"the catalogue has no {self.kind} {self.version}")
        return found

    def builds(self, network: Network) -> bool:  # noqa: ARG002 - most build nothing
        """Whether the engine itself is built on a GPU before it can serve, and handed over through the cache."""
        return False

    @abstractmethod
    def images(self) -> tuple[str, ...]:
        """Upstream images that it stands on, as `name:tag`, for the lock; empty if its version is unknown."""

    def arguments(self) -> tuple[Argument, ...]:
        """Options of `command` that the user added."""
        return ()

    def own(self, network: Network) -> dict[str, tuple[Any, str]]:  # noqa: ARG002 - nothing by default
        """Options of `command` that the spec's own keys set: value, and the key in words."""
        return {}

    def reserved(self) -> dict[str, str]:
        """Options of `command` that the spec's own keys decide, whether this spec uses them or not: name → the key."""
        return {}

    def flags(self, network: Network, role: Role) -> dict[str, tuple[Any, str]]:  # noqa: ARG002 - nothing by default
        """Options of `flag_command` on the command line of a pod: value, and the key in words. `True` and `False` are
        a switch; a value may have variables of the container, as `$(NAME)`.
        """
        return {}

    def formats(self, network: Network) -> tuple[tuple[Path, str], ...]:
        """The precisions that it computes in: where in the model each is asked for, and its name in the catalogue."""
        return ((("quantization", "method"), network.precision.method),)

    @abstractmethod
    def check(self, network: Network, report: Report) -> None:
        """Say what of this engine does not go with this network. Its version is known by now."""

    @abstractmethod
    def serve(self, network: Network, pin: Pin) -> Served:
        """How the network is run."""


class Source(Part):
    """Where weights come from: the scheme of `uri`, which is the part's `kind`."""

    packages: ClassVar[tuple[str, ...]]
    """Requirements of the download command, exact."""
    is_mutable: ClassVar[bool]
    """Whether what a reference names can be overwritten, so that only checksums tell what was meant."""
    script: ClassVar[str]
    """Template of the download script: its arguments are the folder to fill, then `arguments`."""

    @classmethod
    @abstractmethod
    def check(cls, uri: str, revision: str, at: Path, report: Report) -> None:
        """Say what is wrong with the reference."""

    @classmethod
    @abstractmethod
    def arguments(cls, uri: str, revision: str) -> tuple[str, ...]:
        """The download script's arguments after the folder."""

    @classmethod
    @abstractmethod
    def environment(cls) -> tuple[Env, ...]:
        """Credentials, by reference."""


class Cache(Part):
    """Where weights lie for the pods that read them: `serving.cache.kind`."""

    shared: ClassVar[bool]
    """Whether all pods see the same files."""
    read_bandwidth: int

    @abstractmethod
    def volume(self, service: str, size: int) -> Volume:
        """The volume; `size` in bytes is what the networks need together."""

    @abstractmethod
    def check(self, at: Path, replicas: int, report: Report) -> None:
        """Say what this cache cannot do for so many replicas."""


class Store(Part):
    """Where vectors are searched: `rag.store.kind`."""

    metrics: ClassVar[tuple[str, ...]]
    """The distance metrics it knows, in our words."""

    @abstractmethod
    def images(self) -> tuple[str, ...]:
        """Upstream images, as `name:tag`, for the lock."""

    @abstractmethod
    def workload(self, index: Index, pin: Pin) -> Workload | None:
        """The store itself, or None where it is run by somebody else."""

    @abstractmethod
    def definition(self, index: Index) -> tuple[str, str]:
        """File name and text of the index's definition, in the store's own language."""

    @abstractmethod
    def connection(self, index: Index) -> tuple[Env, ...]:
        """What a client needs to reach it, credentials by reference."""


class Release(Part):
    """How a new version replaces the old: `release.kind`. It is the plan's `Rollout`."""

    @abstractmethod
    def check(self, workload: Workload, at: Path, report: Report) -> None:
        """Say what this release cannot do with this workload."""

    def callers(self, namespace: str) -> tuple[Caller, ...]:  # noqa: ARG002 - a plain release has no way in of its own
        """Who brings the requests, beside the clients; `namespace` is the service's own."""
        return ()

    def splits_traffic(self) -> bool:
        """Whether it has Services of its own, past which nobody must reach the pods."""
        return False

    @abstractmethod
    def strategy(self, workload: Workload) -> Manifest:
        """The `strategy` of the workload's Deployment."""

    @abstractmethod
    def controller(self, workload: Workload) -> tuple[str, str]:
        """ApiVersion and kind of the object that owns the replicas."""

    @abstractmethod
    def objects(self, workload: Workload, meta: Manifest, deployment: Manifest) -> Iterable[Manifest]:
        """Further objects beside the Deployment."""


class Product(Struct, frozen=True, kw_only=True):
    """What a pipeline has to know of the whole service.

    `spec` and `output` are folders relative to the repository's root; `images` are build contexts below the output
    folder, each with the reference that it is pushed to.
    """

    service: str
    spec: str
    output: str
    registry: str
    images: tuple[tuple[str, str], ...]


class CI(Part):
    """The system that runs the pipeline: `ci.kind`."""

    @abstractmethod
    def actions(self) -> tuple[str, ...]:
        """Published actions that it uses, as `owner/name@tag`, for the lock."""

    @abstractmethod
    def pipeline(self, product: Product, pin: Pin) -> Pipeline:
        """The jobs."""


class Target(Part):
    """A back end: plans in, files out. It sees nothing but the plan."""

    @abstractmethod
    def emit(self, plans: Plans, report: Report) -> Iterator[Artifact]:
        """The files of all environments, and those of the service as a whole."""
