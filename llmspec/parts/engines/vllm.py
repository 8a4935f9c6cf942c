"""vLLM: generation and embedding from a checkpoint, without a build step."""

from __future__ import annotations

from typing import Annotated, Any

from llmspec.catalog.tables import VllmRow, vllm
from llmspec.families import Engine, Pin
from llmspec.plan.build import ContextFile, Image
from llmspec.plan.network import Network, Served
from llmspec.plan.workload import SCRATCH, Container, Env, Files, Mount, Port, Probe, Resources
from llmspec.render.yaml import dump
from llmspec.report.code import Code
from llmspec.report.nearest import did_you_mean
from llmspec.report.place import Key, Path
from llmspec.report.report import Report
from llmspec.scalars import Fraction, Line, Version, doc
from llmspec.sizing.startup import startup_budget, startup_seconds

UNKNOWN_VLLM = Code(
    "LS361", "unknown-vllm-version", "the catalogue has no vLLM `{version}`",
    why="Options, metrics and image are those of one release. For a release that the catalogue lacks, nothing that is "
    "emitted could be checked.",
)  # fmt: skip
UNKNOWN_ARGUMENT = Code(
    "LS362", "unknown-engine-argument", "vLLM {version} has no option `{argument}`",
    why="Options are removed and renamed between releases, and the server refuses to start with one that it lacks.",
)  # fmt: skip
OWN_ARGUMENT = Code(
    "LS363", "argument-set-elsewhere", "`{argument}` is set from {where}",
    why="A setting that is written in two places can differ in them.",
)  # fmt: skip

UNKNOWN_PARSER = Code(
    "LS365", "unknown-parser", "vLLM {version} has no {what} parser `{parser}`",
    why="The server looks a parser up by its name when it starts, and ends if there is none.",
)  # fmt: skip
LITTLE_MEMORY = Code(
    "LS364", "memory-too-small", "{memory:.1f} GiB of memory are too little beside {shared:.0f} GiB of shared memory",
    why="Shared memory for the exchange between GPUs counts against the container's memory limit; without several GiB "
    "beside it the engine is killed while it starts.",
)  # fmt: skip

GIB = 2**30
INITIALISE = 180
"""Seconds for compiling, profiling and CUDA graph capture: an allowance; published startup probes give whole
deployments 10 to 60 minutes (KServe 0.20, llm-d guides)."""
DRAIN = 45
"""Seconds for open requests after SIGTERM; vLLM's own default, 0, aborts them. llm-d's guides use 15 + 45 + 15."""
PORT = 8000


class Vllm(Engine):
    """vLLM's OpenAI-compatible server."""

    kind = "vllm"
    tasks = ("generate", "embed", "rerank", "classify")
    version: Annotated[Version, doc("Release of vLLM; it decides options, metrics and image.")]
    gpu_memory_utilization: Annotated[Fraction, doc("Share of each GPU's whole memory that vLLM may use.")] = 0.9
    enable_prefix_caching: Annotated[bool, doc("Keep the KV cache of shared beginnings, such as system prompts.")] = (
        True
    )
    tool_call_parser: Annotated[Line | None, doc("Parser of the model's tool calls, such as `hermes`.")] = None
    reasoning_parser: Annotated[Line | None, doc("Parser of the model's reasoning, such as `qwen3`.")] = None
    args: Annotated[
        dict[str, Any],
        doc("Further options of `vllm serve`, by their long names without `--`; checked against the release."),
    ] = {}

    def images(self) -> tuple[str, ...]:
        row = vllm().get(self.version)
        return (row.image,) if row else ()

    def check_version(self, at: Path, report: Report) -> None:
        if self.version not in vllm():
            known = ", ".join(f"`{version}`" for version in vllm())
            report.say(UNKNOWN_VLLM, (*at, "version"), version=self.version, help=f"known: {known}")

    def check(self, network: Network, report: Report) -> None:
        self._check_arguments(network, vllm()[self.version], report)
        self._check_parsers(network, vllm()[self.version], report)
        self._check_memory(network, report)

    def _check_parsers(self, network: Network, row: VllmRow, report: Report) -> None:
        for key, what, parser, known in (
            ("toolCallParser", "tool call", self.tool_call_parser, row.tool_call_parsers),
            ("reasoningParser", "reasoning", self.reasoning_parser, row.reasoning_parsers),
        ):
            if parser is not None and parser not in known:
                at, hint = (*network.at, "engine", key), did_you_mean(parser, known)
                report.say(UNKNOWN_PARSER, at, version=self.version, what=what, parser=parser, help=hint)

    def _check_arguments(self, network: Network, row: VllmRow, report: Report) -> None:
        own = self._own(network)
        for argument in sorted(self.args):
            at = (*network.at, "engine", "args", Key(argument))
            if argument in own:
                hint = "remove it here"
                report.say(OWN_ARGUMENT, at, argument=argument, where=own[argument][1], help=hint)
            elif argument not in row.flags:
                hint = row.gone.get(argument) or did_you_mean(argument, row.flags)
                report.say(UNKNOWN_ARGUMENT, at, version=self.version, argument=argument, help=hint)

    def _check_memory(self, network: Network, report: Report) -> None:
        shared = _shared(network)
        if 0 < network.memory < shared + 4 * GIB:
            hint = f"write `memory: {(shared + 8 * GIB) // GIB}Gi` or more, or leave it out"
            at = (*network.at, "resources", "memory")
            report.say(LITTLE_MEMORY, at, memory=network.memory / GIB, shared=shared / GIB, help=hint)

    def _own(self, network: Network) -> dict[str, tuple[Any, str]]:
        """Options that the spec's own keys set: value, and the key."""
        options: dict[str, tuple[Any, str]] = {
            "enable-prefix-caching": (self.enable_prefix_caching, "`engine.enablePrefixCaching`"),
            "gpu-memory-utilization": (self.gpu_memory_utilization, "`engine.gpuMemoryUtilization`"),
            "host": ("0.0.0.0", "the port of the Service"),  # noqa: S104 - a pod's own network
            "max-model-len": (network.max_model_len, "`context.maxModelLen`"),
            "max-num-seqs": (network.max_num_seqs, "`context.maxNumSeqs`"),
            "port": (PORT, "the port of the Service"),
            "runner": ("generate" if network.task == "generate" else "pooling", "the model's `task`"),
            "served-model-name": (network.name, "the model's `name`"),
            "shutdown-timeout": (DRAIN, "the grace period"),
            "tensor-parallel-size": (network.tensor_parallel, "`parallelism.tensor`"),
        }
        if self.tool_call_parser:
            options["enable-auto-tool-choice"] = (True, "`engine.toolCallParser`")
            options["tool-call-parser"] = (self.tool_call_parser, "`engine.toolCallParser`")
        if self.reasoning_parser:
            options["reasoning-parser"] = (self.reasoning_parser, "`engine.reasoningParser`")
        return options

    def serve(self, network: Network, pin: Pin) -> Served:
        row = vllm()[self.version]
        options = {name: value for name, (value, _) in self._own(network).items()} | self.args
        configuration = dump(dict(_written(name, options[name]) for name in sorted(options)))
        files = Files(
            name=f"{network.name}-serve",
            purpose=f"options of `vllm serve` for {network.name}",
            entries=(("serve.yaml", configuration),),
            origins=(f"{network.origin}.engine", f"{network.origin}.context", f"{network.origin}.parallelism"),
        )
        image = self._image(network, row, pin)
        shared = _shared(network)
        return Served(
            container=self._container(network, image, files, shared),
            image=image,
            startup=_startup(network),
            drain=DRAIN,
            queue_metric=row.metrics["requestsWaiting"],
            metrics_port="http",
            signals=(
                (
                    "errorRatio",
                    _ratio(
                        'http_requests_total{$SELECTOR,handler=~"/v1/.*",status="5xx"}',
                        'http_requests_total{$SELECTOR,handler=~"/v1/.*"}',
                    ),
                ),
                ("timeToFirstTokenP95", _quantile(row.metrics["timeToFirstToken"], 0.95)),
            ),
            shared_memory=shared,
            files=(files,),
            documents=(("serve.yaml", f"options of `vllm serve` for {network.name}", configuration),),
        )

    def _image(self, network: Network, row: VllmRow, pin: Pin) -> Image:
        return Image(
            name=network.name,
            base=pin(row.image),
            template="docker/vllm.Dockerfile",
            title=f"vLLM {self.version} for {network.name}",
            files=(ContextFile(path="health.py", template="docker/health.py"),),
            command=("vllm", "serve"),
            port=PORT,
            health="/health",
            origin=f"{network.origin}.engine",
        )

    def _container(self, network: Network, image: Image, files: Files, shared: int) -> Container:
        caches = ("HOME", "/scratch/home"), ("VLLM_CACHE_ROOT", "/scratch/vllm"), ("XDG_CACHE_HOME", "/scratch/cache")
        kernels = ("TORCHINDUCTOR_CACHE_DIR", "/scratch/inductor"), ("TRITON_CACHE_DIR", "/scratch/triton")
        # PyTorch asks for the name of the user, which a numeric user without an entry in /etc/passwd does not have.
        offline = ("HF_HUB_OFFLINE", "1"), ("VLLM_NO_USAGE_STATS", "1"), ("USER", "llmspec")
        memory = network.memory or _rounded(network.facts.weight_bytes) + shared + 8 * GIB
        return Container(
            name="vllm",
            image=image,
            command=image.command,
            args=(network.weights, "--config", "/etc/llmspec/serve.yaml"),
            env=tuple(Env(name=name, value=value) for name, value in sorted((*caches, *kernels, *offline))),
            ports=(Port("http", PORT),),
            mounts=(
                Mount(volume=files.name, path="/etc/llmspec"),
                Mount(volume="models", path="/models"),
                *SCRATCH,
                *((Mount(volume="shm", path="/dev/shm", read_only=False),) if shared else ()),  # noqa: S108
            ),
            resources=Resources(
                cpu=network.cpu,
                memory=memory,
                scratch=20 * GIB,
                gpus=network.tensor_parallel,
                origin=f"{network.origin}.resources",
            ),
            startup=Probe("/health", "http", period=10, failures=-(-startup_budget(_startup(network)) // 10)),
            ready=Probe("/health", "http", period=5, failures=3),
            live=Probe("/health", "http", period=10, failures=6),
            wait=15,
        )


def _written(name: str, value: Any) -> tuple[str, Any]:
    """An option as the configuration file has it.

    The file's reader drops a `false` (vllm/utils/argparse_utils.py of 0.24.0), so the option would keep its default;
    every boolean option has a twin that begins with `no-`.
    """
    return (f"no-{name}", True) if value is False else (name, value)


def _shared(network: Network) -> int:
    """Bytes of /dev/shm: none for one GPU; for several, what their processes exchange (KServe 1 GiB, llm-d 20 GiB)."""
    return 4 * GIB * network.tensor_parallel if network.tensor_parallel > 1 else 0


def _rounded(size: int) -> int:
    """Up to whole GiB."""
    return -(-size // GIB) * GIB


def _ratio(part: str, whole: str) -> str:
    """PromQL: a share of requests, 0 while the part has no series yet."""
    return f"(sum(rate({part}[5m])) or vector(0)) / sum(rate({whole}[5m]))"


def _quantile(metric: str, quantile: float) -> str:
    """PromQL: a quantile of a histogram over all pods of the selector."""
    return f"histogram_quantile({quantile}, sum by (le) (rate({metric}_bucket{{$SELECTOR}}[5m])))"


def _startup(network: Network) -> int:
    """Seconds that a start is expected to take."""
    return startup_seconds(network.facts.weight_bytes, network.bandwidth, INITIALISE)
