"""TensorRT: a fixed graph (embedder, reranker, classifier) from ONNX to a plan for one GPU, served by Triton."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Annotated, Literal

import msgspec

from llmspec.catalog.tables import TensorRtRow, natural, tensorrt
from llmspec.families import Engine, Pin
from llmspec.plan.build import Build, ContextFile, Image, Repository, Step, Tensor
from llmspec.plan.network import Network, Served
from llmspec.plan.workload import SCRATCH, Container, Env, Mount, Port, Probe, Resources
from llmspec.report.code import Code
from llmspec.report.nearest import did_you_mean
from llmspec.report.place import Path
from llmspec.report.report import Report
from llmspec.scalars import Count, RelativePath, Version, Whole, doc
from llmspec.sizing.startup import startup_budget, startup_seconds

UNKNOWN_TENSORRT = Code(
    "LS371", "unknown-tensorrt-version", "the catalogue has no TensorRT `{version}`",
    why="A plan runs only on the TensorRT that built it, so builder and server are the two images of one NGC month.",
)  # fmt: skip
NOT_A_GRAPH = Code(
    "LS372", "no-onnx-graph", "the lock knows no ONNX graph of `{model}`",
    why="Profiles, precision and the model repository follow from the graph's inputs and outputs.",
)  # fmt: skip
AXIS_WITHOUT_RANGE = Code(
    "LS373", "axis-without-range", "this profile gives no range for the dynamic axis `{axis}` of `{tensor}`",
    why="`trtexec` would silently set the axis to 1, and the engine would refuse every real request.",
)  # fmt: skip
UNKNOWN_AXIS = Code(
    "LS374", "unknown-axis", "the graph has no dynamic axis `{axis}`",
    why="A range for an axis that does not exist has no effect.",
)  # fmt: skip
BAD_RANGE = Code(
    "LS375", "not-a-range", "`{axis}` must be three lengths, min ≤ opt ≤ max, not {found}",
    why="An optimization profile has the least, the usual and the greatest length of each axis.",
)  # fmt: skip
OPSET_TOO_NEW = Code(
    "LS376", "opset-too-new", "the graph has opset {opset}, and TensorRT {version} reads at most {highest}",
    why="The parser of a TensorRT release knows the operators of its time.",
)  # fmt: skip
PRECISION_NOT_ON_GPU = Code(
    "LS377", "precision-not-on-gpu", "`{gpu}` (compute capability {capability}) cannot compute in `{precision}`",
    why="Each precision needs units that GPUs have from some compute capability on.",
)  # fmt: skip
NO_BATCH_AXIS = Code(
    "LS378", "no-batch-axis", "the inputs of the graph share no dynamic first axis",
    why="Dynamic batching joins requests along the first axis of every input; it must be one dynamic axis.",
)  # fmt: skip
UNKNOWN_TYPE = Code(
    "LS379", "tensor-type-not-served", "the tensor `{tensor}` of the graph is of `{dtype}`, which cannot be served",
    why="An input or output must have a type that both TensorRT and Triton pass on.",
)  # fmt: skip

GIB = 2**30
INITIALISE = 30
"""Seconds for deserialising a plan and warm-up: an allowance; Triton's own chart gives 300 in all."""
TYPES = {
    "int64": "TYPE_INT64",
    "int32": "TYPE_INT32",
    "float32": "TYPE_FP32",
    "float16": "TYPE_FP16",
    "bfloat16": "TYPE_BF16",
    "bool": "TYPE_BOOL",
}
"""Triton's name of a tensor's dtype. Source: triton-inference-server/common, protobuf/model_config.proto."""

Axes = dict[str, tuple[Count, ...]]


class TensorRt(Engine, kw_only=True):
    """ONNX → precision in the graph → `trtexec` → Triton. Networks are strongly typed: there is no `--fp16`."""

    kind = "tensorrt"
    tasks = ("embed", "rerank", "classify")
    takes = ()  # lengths are those of the profiles, and a plan is for one GPU
    builds = True
    version: Annotated[Version, doc("Release of TensorRT; it decides the images of builder and server.")]
    onnx: Annotated[RelativePath, doc("The graph, below the folder of the weights.")] = RelativePath("model.onnx")
    precision: Annotated[Literal["fp32", "fp16", "bf16"], doc("Precision that is put into the graph.")] = "fp16"
    profiles: Annotated[
        tuple[Axes, ...],
        doc("Optimization profiles: for each dynamic axis of the graph its least, usual and greatest length."),
    ]
    max_queue_delay_microseconds: Annotated[Whole, doc("How long a request may wait for others to share a batch.")] = (
        2000
    )
    instances: Annotated[Count, doc("Execution contexts on each GPU.")] = 1
    workspace: Annotated[Count, doc("Memory that the builder may use for tactics, in MiB.")] = 4096

    def images(self) -> tuple[str, ...]:
        row = tensorrt().get(self.version)
        return (row.build_image, row.serve_image) if row else ()

    def check_version(self, at: Path, report: Report) -> None:
        if self.version not in tensorrt():
            known = ", ".join(f"`{version}`" for version in tensorrt())
            report.say(UNKNOWN_TENSORRT, (*at, "version"), version=self.version, help=f"known: {known}")

    def check(self, network: Network, report: Report) -> None:
        row = tensorrt()[self.version]
        facts = network.facts
        if not facts.inputs:
            hint = "put the graph into the model's `metadata` folder and run `llmspec lock`"
            report.say(NOT_A_GRAPH, (*network.at, "metadata"), model=network.name, help=hint)
            return
        if facts.opset > row.highest_opset:
            report.say(
                OPSET_TOO_NEW,
                (*network.at, "metadata"),
                opset=facts.opset,
                version=self.version,
                highest=row.highest_opset,
                help=f"export it with opset {row.highest_opset} or less",
            )
        for tensor in (*facts.inputs, *facts.outputs):
            if tensor.dtype not in TYPES:
                at_, known = (*network.at, "metadata"), ", ".join(TYPES)
                report.say(UNKNOWN_TYPE, at_, tensor=tensor.name, dtype=tensor.dtype, help=f"it can be {known}")
        self._check_precision(network, row, report)
        self._check_profiles(network, report)

    def _check_precision(self, network: Network, row: TensorRtRow, report: Report) -> None:
        capability = network.gpu.compute_capability
        if natural(capability) < natural(row.precisions[self.precision]):
            able = [name for name, lowest in row.precisions.items() if natural(capability) >= natural(lowest)]
            report.say(
                PRECISION_NOT_ON_GPU,
                (*network.at, "engine", "precision"),
                gpu=network.gpu.sku,
                capability=capability,
                precision=self.precision,
                also=[(tuple(network.gpu.origin.split(".")), "this GPU")],
                help="use " + " or ".join(f"`precision: {name}`" for name in able),
            )

    def _check_profiles(self, network: Network, report: Report) -> None:
        at = (*network.at, "engine", "profiles")
        first = {tensor.shape[0] for tensor in network.facts.inputs if tensor.shape}
        if len(first) != 1 or not isinstance(next(iter(first)), str):
            report.say(NO_BATCH_AXIS, (*network.at, "metadata"), help="export it with a dynamic batch axis")
        dynamic = {axis: each.name for each in network.facts.inputs for axis in each.shape if isinstance(axis, str)}
        for index, profile in enumerate(self.profiles or ({},)):
            for axis in sorted(set(dynamic) - set(profile)):
                hint = f"add `{axis}: [min, opt, max]`"
                report.say(AXIS_WITHOUT_RANGE, (*at, index), axis=axis, tensor=dynamic[axis], help=hint)
            for axis, lengths in profile.items():
                if axis not in dynamic:
                    report.say(UNKNOWN_AXIS, (*at, index, axis), axis=axis, help=did_you_mean(axis, dynamic))
                elif len(lengths) != 3 or sorted(lengths) != list(lengths):  # noqa: PLR2004
                    report.say(
                        BAD_RANGE, (*at, index, axis), axis=axis, found=list(lengths), help="for instance `[1, 16, 64]`"
                    )

    def serve(self, network: Network, pin: Pin) -> Served:
        row = tensorrt()[self.version]
        repository = self._repository(network)
        build = self._build(network, row, repository, pin)
        image = Image(
            name=network.name,
            base=pin(row.serve_image),
            template="docker/triton.Dockerfile",
            title=f"Triton with TensorRT {self.version} for {network.name}",
            files=(
                ContextFile(path="health.py", template="docker/health.py"),
                ContextFile(path="wait-for.sh", template="docker/wait-for.sh"),
            ),
            command=("tritonserver",),
            port=8000,
            health="/v2/health/ready",
            origin=f"{network.origin}.engine",
        )
        return Served(
            container=self._container(network, image, build),
            image=image,
            startup=_startup(network),
            drain=30,
            queue_metric=row.metrics["requestsWaiting"],
            metrics_port="metrics",
            build=build,
            repository=repository,
        )

    def _repository(self, network: Network) -> Repository:
        batch = str(network.facts.inputs[0].shape[0])
        usual = sorted({profile[batch][1] for profile in self.profiles})
        most = max(profile[batch][2] for profile in self.profiles)
        return Repository(
            model=network.name,
            max_batch_size=most,
            inputs=tuple(_tensor(each) for each in network.facts.inputs),
            outputs=tuple(_tensor(each) for each in network.facts.outputs),
            plans=((network.gpu.compute_capability, _plan(network)),),
            preferred_batch_sizes=tuple(sorted({*usual, most})),
            max_queue_delay=self.max_queue_delay_microseconds,
            instances=self.instances,
            profiles=len(self.profiles),
            origin=f"{network.origin}.engine",
        )

    def _build(self, network: Network, row: TensorRtRow, repository: Repository, pin: Pin) -> Build:
        steps = tuple(self._steps(network))
        base = pin(row.build_image)
        digest = sha256(msgspec.json.encode((steps, repository, base, network.digest))).hexdigest()
        image = Image(
            name=f"{network.name}-build",
            base=base,
            template="docker/builder.Dockerfile",
            title=f"builder of the TensorRT {self.version} plan of {network.name}",
            packages=(f"nvidia-modelopt[onnx]=={row.modelopt}",) if self.precision != "fp32" else (),
            files=(
                ContextFile(
                    path="build.sh", template="engine/build.sh", values={"model": network.name, "steps": steps}
                ),
                ContextFile(path="config.pbtxt", template="triton/config.pbtxt", values=repository),
            ),
            command=("/opt/llmspec/build.sh",),
            origin=f"{network.origin}.engine",
        )
        result = f"{network.weights}-tensorrt-{digest[:12]}"
        return Build(model=network.name, image=image, steps=steps, result=result, origin=f"{network.origin}.engine")

    def _steps(self, network: Network) -> Iterator[Step]:
        source, typed = f"source/{self.onnx}", f"model.{self.precision}.onnx"
        if self.precision == "fp32":
            typed = source
        else:
            yield Step(
                name="precision",
                purpose=f"put {self.precision} into the graph; TensorRT takes each tensor's type from there",
                lane="cpu",
                argv=(
                    "python3", "-m", "modelopt.onnx.autocast",
                    "--onnx_path", source,
                    "--output_path", typed,
                    "--low_precision_type", self.precision,
                    "--keep_io_types",
                ),
                inputs=(source,),
                outputs=(typed,),
            )  # fmt: skip
        plan = f"repository/{network.name}/1/{_plan(network)}"
        yield Step(
            name="plan",
            purpose=f"build the plan for compute capability {network.gpu.compute_capability}, on such a GPU",
            lane="gpu",
            argv=(
                "trtexec",
                f"--onnx={typed}",
                f"--saveEngine={plan}",
                *self._shapes(network),
                f"--memPoolSize=workspace:{self.workspace}",
                "--timingCacheFile=timing.cache",
                "--skipInference",
            ),
            inputs=(typed,),
            outputs=(plan,),
            compute_capability=network.gpu.compute_capability,
        )

    def _shapes(self, network: Network) -> Iterator[str]:
        for index, profile in enumerate(self.profiles):
            if len(self.profiles) > 1:
                yield f"--profile={index}"
            for place, option in enumerate(("minShapes", "optShapes", "maxShapes")):
                shapes = (
                    f"{each.name}:"
                    + "x".join(str(profile[axis][place] if isinstance(axis, str) else axis) for axis in each.shape)
                    for each in network.facts.inputs
                )
                yield f"--{option}={','.join(shapes)}"

    def _container(self, network: Network, image: Image, build: Build) -> Container:
        return Container(
            name="triton",
            image=image,
            command=image.command,
            args=(
                f"--model-repository={build.result}/repository",
                "--exit-on-error=true",
                "--strict-readiness=true",
                "--disable-auto-complete-config",
                "--exit-timeout-secs=30",
            ),
            env=(Env(name="HOME", value="/scratch/home"),),
            ports=(Port("http", 8000), Port("grpc", 8001), Port("metrics", 8002)),
            mounts=(
                Mount(volume="models", path="/models"),
                *SCRATCH,
            ),
            resources=Resources(
                cpu=network.cpu,
                memory=network.memory or -(-network.facts.weight_bytes // GIB) * GIB + 8 * GIB,
                scratch=4 * GIB,
                gpus=1,
                origin=f"{network.origin}.resources",
            ),
            startup=Probe("/v2/health/ready", "http", period=10, failures=-(-startup_budget(_startup(network)) // 10)),
            ready=Probe("/v2/health/ready", "http", period=5, failures=3),
            live=Probe("/v2/health/live", "http", period=10, failures=6),
            wait=15,
        )


def _plan(network: Network) -> str:
    return f"model.sm{network.gpu.compute_capability.replace('.', '')}.plan"


def _tensor(tensor: Tensor) -> Tensor:
    """As Triton wants it: its name of the type, the batch axis left out, -1 where an axis is dynamic."""
    shape = tuple(-1 if isinstance(axis, str) else axis for axis in tensor.shape[1:])
    return Tensor(tensor.name, TYPES[tensor.dtype], shape)


def _startup(network: Network) -> int:
    """Seconds that a start is expected to take."""
    return startup_seconds(network.facts.weight_bytes, network.bandwidth, INITIALISE)
