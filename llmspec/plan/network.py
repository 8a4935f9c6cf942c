"""A network to be served, and an index to be searched: what engines and stores are told."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from llmspec.plan.build import Build, Image, Repository, Tensor
from llmspec.plan.names import address
from llmspec.plan.workload import Container, Files, Gpu

# What a lock may say; it is a file like any other, and what it says goes into scripts and manifests.
Word = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{0,100}\Z")]
SourcePath = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f\\]{1,240}\Z")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Amount = Annotated[int, Meta(ge=0, le=10**15)]


class Facts(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What the lock knows of a model. Sizes in bytes, lengths in tokens; zero and empty mean unknown."""

    architecture: Word = ""
    parameters: Amount = 0
    weight_bytes: Amount = 0
    dtype: Word = ""
    layers: Amount = 0
    hidden_size: Amount = 0
    attention_heads: Amount = 0
    kv_heads: Amount = 0
    head_size: Amount = 0
    vocabulary: Amount = 0
    longest_context: Amount = 0
    opset: Amount = 0
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    files: dict[SourcePath, Sha256] = {}
    """Weight files whose SHA-256 is known: path in the source → hex digest."""


class Network(Struct, frozen=True, kw_only=True):
    """One model in one environment.

    `weights` is the folder of its files inside a container, `cache` the volume that holds them, `bandwidth` the bytes
    a second at which that volume is read. `at` is the path of its section in the spec.
    """

    service: str
    name: str
    task: str
    uri: str
    revision: str
    digest: str
    facts: Facts
    gpu: Gpu
    tensor_parallel: int
    max_model_len: int
    max_num_seqs: int
    weights: str
    bandwidth: int
    cpu: int
    memory: int
    at: tuple[str | int, ...]

    @property
    def origin(self) -> str:
        return ".".join(str(step) for step in self.at)


class Served(Struct, frozen=True, kw_only=True):
    """What an engine answers: how a network is run.

    `startup` in seconds from start to readiness when the weights are already in the cache; `drain` in seconds that
    open requests may take after the signal to stop; `queue_metric` is the per-replica gauge that says requests wait.
    """

    container: Container
    image: Image
    startup: int
    drain: int
    queue_metric: str
    metrics_port: str
    signals: tuple[tuple[str, str], ...] = ()
    """What a release can be judged by: our word → PromQL with `$SELECTOR` where labels go."""
    shared_memory: int = 0
    files: tuple[Files, ...] = ()
    build: Build | None = None
    repository: Repository | None = None
    documents: tuple[tuple[str, str, str], ...] = ()
    """Further reviewable files: path below the engine's folder, purpose, text."""


class Index(Struct, frozen=True, kw_only=True):
    """A vector index. `physical` is its name with the fingerprint of everything that its vectors depend on."""

    service: str
    namespace: str
    name: str
    physical: str
    dimensions: int
    metric: str
    origin: str

    def address(self, workload: str, port: int) -> str:
        """The URL of a workload of the same service."""
        return address(self.service, workload, self.namespace, port)
