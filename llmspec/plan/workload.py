"""What runs: containers, their volumes, their probes, and who may call whom."""

from __future__ import annotations

from msgspec import Struct

from llmspec.plan.build import Image


class Env(Struct, frozen=True, kw_only=True):
    """An environment variable: a value, a key of a secret, or a field of its own pod."""

    name: str
    value: str = ""
    field: str = ""
    secret: str = ""
    key: str = ""
    optional: bool = False


class Port(Struct, frozen=True):
    name: str
    number: int


class Probe(Struct, frozen=True):
    """An HTTP probe. `period` and `timeout` in seconds; it gives up after `failures` periods."""

    path: str
    port: str
    period: int = 10
    failures: int = 3
    timeout: int = 5


class Mount(Struct, frozen=True, kw_only=True):
    volume: str
    path: str
    read_only: bool = True
    sub_path: str = ""


SCRATCH = (
    Mount(volume="scratch", path="/scratch", read_only=False),
    Mount(volume="scratch", path="/tmp", read_only=False, sub_path="tmp"),  # noqa: S108 - in the container
)
"""What a container with a read-only root may write to."""


class Volume(Struct, frozen=True, kw_only=True):
    """Storage of a workload.

    `kind`: `scratch` (disk of the node), `memory` (shared memory), `claim` (a PersistentVolumeClaim named `source`,
    shared by every workload that names it), `own` (a claim of each replica), `files` (the `Files` named `source`).
    `size` in bytes; `access` and `storage_class` are the claim's.
    """

    name: str
    kind: str
    source: str = ""
    size: int = 0
    access: str = ""
    storage_class: str = ""
    origin: str = ""


class Resources(Struct, frozen=True, kw_only=True):
    """CPU in millicores, memory and scratch in bytes, GPUs in whole devices. Memory is both request and limit."""

    cpu: int
    memory: int
    scratch: int
    gpus: int = 0
    origin: str = ""


class Container(Struct, frozen=True, kw_only=True):
    """`image` is ours, or an upstream reference with its digest. `wait` is the seconds between leaving the
    Service's endpoints and the signal to stop.
    """

    name: str
    image: Image | str
    resources: Resources
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[Env, ...] = ()
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    startup: Probe | None = None
    ready: Probe | None = None
    live: Probe | None = None
    wait: int = 0


class Gpu(Struct, frozen=True):
    """A GPU that a workload may land on: the values of its node label, its compute capability, its bytes of memory."""

    sku: str
    products: tuple[str, ...]
    compute_capability: str
    memory: int
    origin: str

    @property
    def at(self) -> tuple[str, ...]:
        """The path in the spec that names it."""
        return tuple(self.origin.split("."))


class Scaling(Struct, frozen=True, kw_only=True):
    """Replicas follow `metric`, a per-replica average, to `target`."""

    minimum: int
    maximum: int
    metric: str = ""
    target: str = ""
    origin: str = ""


class Caller(Struct, frozen=True):
    """Who may connect: pods of a workload of this service, or pods by namespace and labels. `ports` by name."""

    workload: str = ""
    namespace: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    ports: tuple[str, ...] = ()
    origin: str = ""


class Workload(Struct, frozen=True, kw_only=True):
    """One thing that runs.

    `kind`: `service` (interchangeable replicas), `store` (replicas that own their storage), `job` (runs to its end).
    Seconds: `grace` from the signal to stop to the kill; `deadline` within which a new version must be up, or a job
    done. `internet` says that it must reach hosts outside the cluster over HTTPS. It lands on any of `gpus`, on a node
    whose NVIDIA driver is of the branch `driver` or newer (0: any). One replica has `nodes` pods: the first runs
    `containers`, the others `workers`.
    """

    name: str
    component: str
    kind: str
    purpose: str
    containers: tuple[Container, ...]
    init: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    scaling: Scaling
    gpus: tuple[Gpu, ...] = ()
    driver: int = 0
    nodes: int = 1
    workers: tuple[Container, ...] = ()
    grace: int = 30
    deadline: int = 600
    callers: tuple[Caller, ...] = ()
    internet: bool = False
    metrics_port: str = ""
    metrics_path: str = "/metrics"
    signals: tuple[tuple[str, str], ...] = ()
    user: int = 10001
    origin: str = ""


class Files(Struct, frozen=True, kw_only=True):
    """Small text files that are mounted into containers or read by the service's own application."""

    name: str
    purpose: str
    entries: tuple[tuple[str, str], ...]
    origins: tuple[str, ...] = ()
