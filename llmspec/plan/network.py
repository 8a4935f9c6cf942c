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
    experts: Amount = 0
    token_types: Amount = 0
    labels: Amount = 0
    quantization: Word = ""
    """What the weights are quantized to, in our words; `none` never stands here."""
    quantizer: Word = ""
    """What made it, as the checkpoint says: `modelopt`, `compressed-tensors`, `awq`, …"""
    kv_scales: Word = ""
    """The KV cache precision that the checkpoint has scales for."""
    rank: Amount = 0
    """Of a LoRA adapter."""
    opset: Amount = 0
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    files: dict[SourcePath, Sha256] = {}
    """Weight files whose SHA-256 is known: path in the source → hex digest."""


class Parallel(Struct, frozen=True, kw_only=True):
    """How a replica is split, in GPUs: `tensor` × `pipeline` × `data`; its experts over `expert` of them."""

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1

    @property
    def gpus(self) -> int:
        return self.tensor * self.pipeline * self.data


class Precision(Struct, frozen=True, kw_only=True):
    """What is computed in: `method` and `kv_cache` in the words of the language, `maker` what quantized, or will.

    `is_built` says that the checkpoint does not have it yet: a job makes another one, calibrated with `samples` rows
    of the JSON Lines in `calibration`, `length` tokens of each.
    """

    method: str = ""
    kv_cache: str = "auto"
    maker: str = ""
    is_built: bool = False
    calibration: str = ""
    samples: int = 0
    length: int = 0
    exclude: tuple[str, ...] = ()
    """Patterns of the nodes of a graph that are left alone."""


class Adapter(Struct, frozen=True, kw_only=True):
    """A LoRA adapter: where it comes from, and `folder`, where its files lie in a container."""

    name: str
    uri: str
    revision: str
    facts: Facts
    folder: str
    origin: str


class Network(Struct, frozen=True, kw_only=True):
    """One model in one environment.

    `weights` is the folder of its source's files inside a container, `checkpoint` the one that is served, which differs
    where a job quantizes first; `served_bytes` are the bytes of its weights. `bandwidth` is the bytes a second at which
    the cache is read. `gpus` are those it may land on, the first the one it is planned for; `gpus_per_node` are what
    one node has. `chat_template` is the text of one. `at` is the path of its section in the spec.
    """

    service: str
    name: str
    task: str
    uri: str
    revision: str
    digest: str
    facts: Facts
    gpus: tuple[Gpu, ...]
    gpus_per_node: int
    parallel: Parallel
    precision: Precision
    max_model_len: int
    max_num_seqs: int
    weights: str
    checkpoint: str
    served_bytes: int
    served_name: str
    chat_template: str
    adapters: tuple[Adapter, ...]
    bandwidth: int
    cpu: int
    memory: int
    at: tuple[str | int, ...]

    @property
    def origin(self) -> str:
        return ".".join(str(step) for step in self.at)

    @property
    def gpu(self) -> Gpu:
        return self.gpus[0]

    @property
    def made_while_loading(self) -> str:
        """The method that neither the checkpoint has nor a job makes, so that the engine must; empty where none."""
        asked = self.precision
        is_there = asked.is_built or asked.method in ("none", self.facts.quantization)
        return "" if is_there else asked.method

    @property
    def nodes(self) -> int:
        """Nodes of one replica, each with as many GPUs as the others."""
        return -(-self.parallel.gpus // self.gpus_per_node)


class Served(Struct, frozen=True, kw_only=True):
    """What an engine answers: how a network is run.

    `startup` in seconds from start to readiness when the weights are already in the cache; `drain` in seconds that
    open requests may take after the signal to stop; `queue_metric` is the per-replica gauge that says requests wait,
    empty where the engine has none. `worker` runs on the further nodes of a replica that needs several.
    """

    container: Container
    image: Image
    worker: Container | None = None
    startup: int
    drain: int
    queue_metric: str
    metrics_port: str
    metrics_path: str = "/metrics"
    driver: int = 0
    """First branch of the NVIDIA driver that runs the image."""
    signals: tuple[tuple[str, str], ...] = ()
    """What a release can be judged by: our word → PromQL with `$SELECTOR` where labels go."""
    shared_memory: int = 0
    files: tuple[Files, ...] = ()
    build: Build | None = None
    repository: tuple[Repository, ...] = ()
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
