"""`models`: every network that the service runs."""

from __future__ import annotations

from typing import Annotated, Literal

from llmspec.families import Engine
from llmspec.part import Section
from llmspec.scalars import (
    Bytes,
    Cores,
    Count,
    Driver,
    Name,
    RelativePath,
    Revision,
    ServedName,
    Tokens,
    Uri,
    doc,
)
from llmspec.spec.quantization import Quantization


class Context(Section):
    """How long one request may be, and how many run at once."""

    max_model_len: Annotated[
        Tokens | None,
        doc(
            "Longest prompt plus answer of one request, in tokens. Default: 8192, or the model's own limit if shorter."
        ),
    ] = None
    max_num_seqs: Annotated[Count, doc("Requests that one replica works on at once; further ones wait.")] = 64


class Parallelism(Section):
    """How one replica is split over GPUs: it has `tensor` × `pipeline` × `data` of them."""

    tensor: Annotated[Count, doc("GPUs that share every layer.")] = 1
    pipeline: Annotated[Count, doc("Groups of GPUs that have different layers.")] = 1
    data: Annotated[Count, doc("Copies of the attention layers that answer different requests.")] = 1
    expert: Annotated[
        Count,
        doc("GPUs that the experts of a mixture-of-experts model are spread over; 1 splits each expert instead."),
    ] = 1


class Hardware(Section):
    """What a network runs on."""

    gpu: Annotated[str, doc("GPU by its key in the catalogue, such as `h100-sxm` or `l4`.")]
    alternatives: Annotated[
        tuple[str, ...],
        doc("Further GPUs that its pods may land on. A TensorRT plan is built for each compute capability."),
    ] = ()
    gpus_per_node: Annotated[Count, doc("GPUs of one node; a replica that needs more runs on several.")] = 8
    driver: Annotated[
        Driver | None,
        doc("NVIDIA driver of the nodes, held against what the images need. Default: nodes are picked by it."),
    ] = None


class Adapter(Section, kw_only=True):
    """A LoRA adapter that is served beside its base model."""

    name: Annotated[Name, doc("What a client puts into `model` to get it.")]
    uri: Annotated[Uri, doc("Where it comes from, as for models.")]
    revision: Annotated[Revision | None, doc("Its immutable revision, as for models.")] = None
    metadata: Annotated[
        RelativePath, doc("Folder beside llm.yaml with its `adapter_config.json`, and `SHA256SUMS` where needed.")
    ]


class Lora(Section):
    """LoRA adapters."""

    adapters: Annotated[tuple[Adapter, ...], doc("The adapters; their rank is read from `adapter_config.json`.")]


class Resources(Section):
    """What one replica asks for beside its GPUs."""

    cpu: Annotated[Cores, doc("CPU request.")] = Cores(4000)
    memory: Annotated[
        Bytes | None,
        doc("Memory, as request and limit. Default: the weights, plus shared memory, plus 8Gi."),
    ] = None


class Scaling(Section):
    """How many replicas run."""

    min_replicas: Annotated[Count, doc("Replicas that always run.")] = 1
    max_replicas: Annotated[
        Count | None,
        doc("Replicas at most. Default: `minReplicas`, which means no autoscaling."),
    ] = None
    target_queue: Annotated[
        Count,
        doc("Requests that wait per replica, on average, above which another replica is started."),
    ] = 4


class Model(Section, kw_only=True):
    """A network: its weights, its engine, its hardware."""

    name: Annotated[Name, doc("Name of the network in this file and of its objects in the cluster.")]
    task: Annotated[Literal["generate", "embed", "rerank", "classify"], doc("What the network is for.")] = "generate"
    uri: Annotated[Uri, doc("Where the weights come from; the scheme picks the source.")]
    revision: Annotated[
        Revision | None,
        doc("The immutable revision of the weights: for `hf:` the full commit."),
    ] = None
    metadata: Annotated[
        RelativePath,
        doc(
            "Folder with the small files of the checkpoint (`config.json`, the ONNX graph without its external data, "
            "`SHA256SUMS`), kept beside llm.yaml so that facts are reviewed and the lock needs no network."
        ),
    ]
    engine: Annotated[Engine, doc("What runs the network.")]
    served_name: Annotated[ServedName | None, doc("What a client puts into `model`. Default: `name`.")] = None
    chat_template: Annotated[
        RelativePath | None, doc("Jinja file that replaces the chat template of the checkpoint.")
    ] = None
    quantization: Annotated[Quantization, doc("Precision of weights and KV cache.")] = Quantization()
    lora: Annotated[Lora | None, doc("Adapters that are served beside the model.")] = None
    context: Annotated[Context, doc("Length and number of requests.")] = Context()
    parallelism: Annotated[Parallelism, doc("Split over GPUs.")] = Parallelism()
    hardware: Annotated[Hardware | None, doc("GPU of this network. Default: `serving.hardware`.")] = None
    resources: Annotated[Resources, doc("CPU and memory of one replica.")] = Resources()
    scaling: Annotated[Scaling, doc("Number of replicas.")] = Scaling()
