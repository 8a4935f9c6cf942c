"""TensorRT: a fixed graph (embedder, reranker, classifier) from ONNX to plans for its GPUs, served by Triton."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Annotated, Literal

import msgspec

from llmspec.catalog.releases import Known, known, order
from llmspec.catalog.tables import requirement
from llmspec.families import Engine, Pin
from llmspec.parts.tensorrt.export import FOLDER, GRAPH, Export, check_export, exported
from llmspec.parts.tensorrt.graph import NOT_A_GRAPH, check_graph
from llmspec.parts.tensorrt.profiles import Axes, check_profiles
from llmspec.parts.tensorrt.repository import engine_model, repository_of
from llmspec.parts.tensorrt.steps import CALIBRATED, Recipe, plan_file, steps_of
from llmspec.plan.build import Build, ContextFile, Image, Repository, Step, build_script
from llmspec.plan.network import Network, Served
from llmspec.plan.workload import SCRATCH, Container, Env, Mount, Port, Probe, Resources
from llmspec.report.code import Code
from llmspec.report.place import Path
from llmspec.report.report import Report
from llmspec.scalars import Count, RelativePath, Whole, doc
from llmspec.sizing.rounding import whole_gib
from llmspec.sizing.startup import startup_budget, startup_seconds

CALIBRATION_NEEDS_TOKENIZER = Code(
    "LS357", "calibration-without-tokenizer",
    "`method: {method}` is calibrated with texts, and the engine has no tokenizer",
    why="Ranges of activations are measured with real inputs; texts become the graph's inputs by its tokenizer.",
)  # fmt: skip

ALL_OF_INT8 = Code(
    "LS314", "int8-of-every-layer",
    "`int8` of every layer takes most of the meaning out of the vectors of a transformer",
    why="Measured on all-MiniLM-L6-v2: the cosine between a vector and its original is 0.68 on average and 0.54 at the "
    "worst; 0.99 and 0.96 without its feed-forward layers, and 0.99 and 0.98 in `fp8`.",
    severity="warning",
)  # fmt: skip

OLDER_GPU = Code(
    "LS317", "plan-for-older-gpu", "a plan for `ampere+` does not run on `{gpu}` (compute capability {capability})",
    why="One plan for many GPUs runs on Ampere and what came after it; on an older one it cannot be loaded.",
)  # fmt: skip

AMPERE = "8.0"
GIB = 2**30
TOKENIZERS = 256 * 2**20
"""Bytes of /dev/shm, over which Triton and its Python back end exchange tensors: a request of the largest size each way
for every instance."""
LARGEST_REQUEST = 8 * 2**20
"""Bytes of a request's body: a full batch of tensors or texts. A text of 10 MB keeps a tokenizer busy for 15 s."""
INITIALISE = 30
"""Seconds for deserialising a plan and warm-up: an allowance; Triton's own chart gives 300 in all."""


class TensorRt(Engine, kw_only=True):
    """ONNX → precision in the graph → `trtexec` → Triton. Networks are strongly typed: there is no `--fp16`."""

    kind = table = "tensorrt"
    tasks = ("embed", "rerank", "classify")
    takes = ("quantization",)  # lengths are those of the profiles, and a plan is for one GPU
    runs_graphs = True
    onnx: Annotated[RelativePath, doc("The graph, below the folder of the weights.")] = RelativePath("model.onnx")
    export: Annotated[Export | None, doc("Make the graph from the checkpoint. Default: the source has it.")] = None
    tokenizer: Annotated[
        RelativePath | None,
        doc("`tokenizer.json` below the folder of the weights. With it text goes in; without it, tensors."),
    ] = None
    precision: Annotated[
        Literal["fp32", "fp16", "bf16"], doc("Precision that is put into the graph, where it is not quantized.")
    ] = "fp16"
    profiles: Annotated[
        tuple[Axes, ...],
        doc("Optimization profiles: for each dynamic axis of the graph its least, usual and greatest length."),
    ]
    max_queue_delay_microseconds: Annotated[Whole, doc("How long a request may wait for others to share a batch.")] = (
        2000
    )
    instances: Annotated[Count, doc("Execution contexts on each GPU.")] = 1
    workspace: Annotated[Count, doc("Memory that the builder may use for tactics, in MiB.")] = 4096
    hardware_compatibility: Annotated[
        Literal["none", "sameComputeCapability", "ampere+"],
        doc("GPUs that one plan runs on. `ampere+` makes one plan for all, slower and with less shared memory."),
    ] = "none"
    version_compatible: Annotated[
        bool, doc("Whether the plan also runs on later releases of the same major version, slower.")
    ] = False

    def builds(self, network: Network) -> bool:  # noqa: ARG002 - always a plan
        return True

    def images(self) -> tuple[str, ...]:
        known = self.known()
        return (known.image("build"), known.image("serve")) if known else ()

    def formats(self, network: Network) -> tuple[tuple[Path, str], ...]:
        method = network.precision.method
        quantized = () if method == "none" else ((("quantization", "method"), method),)
        return ((("engine", "precision"), self.precision), *quantized)

    def check(self, network: Network, report: Report) -> None:
        if self.export:
            if not check_export(network, self.export, self.facts(), report):
                return
            network = exported(network, self.export)
        if not (network.facts.inputs and network.facts.outputs):
            hint = "put the graph into the model's `metadata` folder and run `llmspec lock`"
            report.say(NOT_A_GRAPH, (*network.at, "metadata"), model=network.name, help=hint)
            return
        check_graph(network, self.facts(), self.tokenizer, report)
        check_profiles(network, self.profiles, report)
        if network.precision.method in CALIBRATED and not self.tokenizer:
            at, method = (*network.at, "quantization", "method"), network.precision.method
            hint = "add `tokenizer: tokenizer.json` to the engine"
            report.say(CALIBRATION_NEEDS_TOKENIZER, at, method=method, help=hint)
        if self.hardware_compatibility == "ampere+":
            self._check_portable(network, report)
        if network.precision.method == "int8" and not network.precision.exclude:
            hint = "use `method: fp8`, or `exclude: [...]` the feed-forward layers, and measure what search finds"
            report.say(ALL_OF_INT8, (*network.at, "quantization", "method"), help=hint)

    def _check_portable(self, network: Network, report: Report) -> None:
        for gpu in network.gpus:
            if order(gpu.compute_capability) < order(AMPERE):
                at, also = (
                    (*network.at, "engine", "hardwareCompatibility"),
                    [(gpu.at, "this GPU")],
                )
                hint = "remove it: then a plan is built for each compute capability"
                report.say(OLDER_GPU, at, gpu=gpu.sku, capability=gpu.compute_capability, also=also, help=hint)

    def serve(self, network: Network, pin: Pin) -> Served:
        known = self.facts()
        network = exported(network, self.export) if self.export else network
        repository = self._repository(network)
        build = self._build(network, known, repository, pin)
        image = self._image(network, known, pin)
        server = _triton(known)
        return Served(
            container=self._container(network, image, build),
            image=image,
            startup=_startup(network),
            drain=30,
            driver=known.release.driver,
            queue_metric=server.word("requestsWaiting"),
            shared_memory=TOKENIZERS if self.tokenizer else 0,
            metrics_port="metrics",
            build=build,
            repository=(repository,),
        )

    def _capabilities(self, network: Network) -> tuple[str, ...]:
        """Compute capabilities that a plan is built for; none where one plan is for all."""
        if self.hardware_compatibility == "ampere+":
            return ()
        return tuple(sorted({gpu.compute_capability for gpu in network.gpus}, key=order))

    def _repository(self, network: Network) -> Repository:
        plans = tuple((each, plan_file(each)) for each in self._capabilities(network))
        delay = self.max_queue_delay_microseconds
        return repository_of(network, self.profiles, plans, delay, self.instances, self.tokenizer)

    def _build(self, network: Network, known: Known, repository: Repository, pin: Pin) -> Build:
        recipe = Recipe(
            folder=FOLDER if self.export else "source",
            onnx=GRAPH if self.export else self.onnx,
            export=self.export,
            precision=self.precision,
            profiles=self.profiles,
            workspace=self.workspace,
            portable=self.hardware_compatibility,
            is_version_compatible=self.version_compatible,
            tokenizer=self.tokenizer or "",
        )
        capabilities = self._capabilities(network)
        model = engine_model(network, self.tokenizer)
        steps = tuple(steps_of(network, known, recipe, model, capabilities))
        base, calibration = pin(known.image("build")), network.precision.calibration
        depends = (steps, repository, base, network.digest, calibration)
        digest = sha256(msgspec.json.encode(depends)).hexdigest()
        return Build(
            model=network.name,
            image=self._build_image(network, known, repository, steps, base),
            steps=steps,
            result=f"{network.weights}-tensorrt-{digest[:12]}",
            requires=(("tensorrt", self.version),),
            capabilities=capabilities,
            origin=f"{network.origin}.engine",
        )

    def _build_image(
        self, network: Network, known: Known, repository: Repository, steps: tuple[Step, ...], base: str
    ) -> Image:
        is_calibrated = network.precision.method in CALIBRATED
        tools = (
            *((ContextFile(path="export_onnx.py", template="engine/export_onnx.py"),) if self.export else ()),
            *(_calibration(network) if is_calibrated else ()),
        )
        files = (
            build_script(network.name, steps, self._capabilities(network)),
            *tools,
            *(msgspec.structs.replace(each, path=f"repository/{each.path}") for each in repository.files),
        )
        return Image(
            name=f"{network.name}-build",
            base=base,
            template="docker/builder.Dockerfile",
            title=f"builder of the TensorRT {self.version} plans of {network.name}",
            packages=tuple(self._packages(known, is_calibrated=is_calibrated)),
            files=files,
            command=("/opt/llmspec/build.sh",),
            origin=f"{network.origin}.engine",
        )

    def _packages(self, known: Known, *, is_calibrated: bool) -> Iterator[str]:
        """What the CPU steps import, exact, in one installation."""
        is_typed = is_calibrated or self.precision != "fp32"
        if is_typed:
            yield f"nvidia-modelopt[onnx]=={known.release.pins['modelopt']}"
        if is_typed or self.export:
            yield from map(requirement, ("onnx", "onnxscript", "torch"))
        if self.export:
            yield from map(requirement, ("transformers", *(() if is_typed else ("onnxruntime",))))
        if is_calibrated or self.export:
            yield requirement("tokenizers")

    def _image(self, network: Network, known: Known, pin: Pin) -> Image:
        server = _triton(known)
        return Image(
            name=network.name,
            base=pin(known.image("serve")),
            template="docker/triton.Dockerfile",
            title=f"Triton with TensorRT {self.version} for {network.name}",
            packages=(requirement("tokenizers"),) if self.tokenizer else (),
            files=(
                ContextFile(path="health.py", template="docker/health.py"),
                ContextFile(path="wait-for.sh", template="docker/wait-for.sh"),
            ),
            command=("tritonserver",),
            port=int(server.word("httpPort")),
            health=server.word("readyPath"),
            origin=f"{network.origin}.engine",
        )

    def _container(self, network: Network, image: Image, build: Build) -> Container:
        server = _triton(self.facts())
        ready, live = server.word("readyPath"), server.word("livePath")
        ports = (
            Port("http", image.port),
            *(Port(each, int(server.word(f"{each}Port"))) for each in ("grpc", "metrics")),
        )
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
                f"--http-max-input-size={LARGEST_REQUEST}",
                *(("--backend-config=tensorrt,version-compatible=true",) if self.version_compatible else ()),
            ),
            env=(Env(name="HOME", value="/scratch/home"),),
            ports=ports,
            mounts=(
                Mount(volume="models", path="/models"),
                *SCRATCH,
                *((Mount(volume="shm", path="/dev/shm", read_only=False),) if self.tokenizer else ()),  # noqa: S108
            ),
            resources=Resources(
                cpu=network.cpu,
                memory=network.memory or whole_gib(network.facts.weight_bytes) + 8 * GIB,
                scratch=4 * GIB,
                gpus=1,
                origin=f"{network.origin}.resources",
            ),
            startup=Probe(ready, "http", period=10, failures=-(-startup_budget(_startup(network)) // 10)),
            ready=Probe(ready, "http", period=5, failures=3),
            live=Probe(live, "http", period=10, failures=6),
            wait=15,
        )


def _calibration(network: Network) -> tuple[ContextFile, ...]:
    return (
        ContextFile(path="calibration.py", template="engine/calibration.py"),
        ContextFile(path="calibration.jsonl", text=network.precision.calibration),
    )


def _triton(release: Known) -> Known:
    """The server that the release's image carries."""
    found = known("triton", release.release.pins["triton"])
    if found is None:
        raise LookupError(f"the catalogue has no Triton {release.release.pins['triton']}")
    return found


def _startup(network: Network) -> int:
    """Seconds that a start is expected to take."""
    return startup_seconds(network.facts.weight_bytes, network.bandwidth, INITIALISE)
