"""`models`: every network that the service runs."""

from __future__ import annotations

from typing import Annotated, Literal

from llmspec.families import Engine
from llmspec.part import Section
from llmspec.scalars import Bytes, Cores, Count, Name, RelativePath, Revision, Tokens, Uri, doc


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
    """How a network is split over the GPUs of one pod."""

    tensor: Annotated[Count, doc("GPUs that share every layer; each pod asks for as many.")] = 1


class Hardware(Section):
    """What a network runs on."""

    gpu: Annotated[str, doc("GPU by its key in the catalogue, such as `h100-sxm` or `l4`.")]


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
    context: Annotated[Context, doc("Length and number of requests.")] = Context()
    parallelism: Annotated[Parallelism, doc("Split over GPUs.")] = Parallelism()
    hardware: Annotated[Hardware | None, doc("GPU of this network. Default: `serving.hardware`.")] = None
    resources: Annotated[Resources, doc("CPU and memory of one replica.")] = Resources()
    scaling: Annotated[Scaling, doc("Number of replicas.")] = Scaling()
