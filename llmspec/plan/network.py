"""A network to be served, and an index to be searched: what engines and stores are told."""

from __future__ import annotations

from msgspec import Struct

from llmspec.plan.build import Build, Image, Repository, Tensor
from llmspec.plan.workload import Container, Files, Gpu


class Facts(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What the lock knows of a model. Sizes in bytes, lengths in tokens; zero and empty mean unknown."""

    architecture: str = ""
    parameters: int = 0
    weight_bytes: int = 0
    dtype: str = ""
    layers: int = 0
    hidden_size: int = 0
    attention_heads: int = 0
    kv_heads: int = 0
    head_size: int = 0
    vocabulary: int = 0
    longest_context: int = 0
    opset: int = 0
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    files: dict[str, str] = {}
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
    name: str
    physical: str
    dimensions: int
    metric: str
    origin: str
