"""What OpenAI-compatible servers of language models have in common: a pod, its caches, its probes, its signals."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from llmspec.catalog.releases import Known
from llmspec.families import Argument, Engine, Pin, Role
from llmspec.plan.build import ContextFile, Image
from llmspec.plan.network import Network, Served
from llmspec.plan.workload import SCRATCH, Container, Env, Files, Mount, Port, Probe, Resources
from llmspec.report.code import Code
from llmspec.report.nearest import did_you_mean
from llmspec.report.report import Report
from llmspec.scalars import Line, Seconds, doc
from llmspec.sizing.rounding import whole_gib
from llmspec.sizing.startup import startup_budget, startup_seconds

UNKNOWN_PARSER = Code(
    "LS365", "unknown-parser", "{engine} {version} has no {what} parser `{parser}`",
    why="The server looks a parser up by its name when it starts, and ends if there is none.",
)  # fmt: skip
LITTLE_MEMORY = Code(
    "LS364", "memory-too-small", "{memory:.1f} GiB of memory are too little beside {shared:.0f} GiB of shared memory",
    why="Shared memory for the exchange between GPUs counts against the container's memory limit; without several GiB "
    "beside it the engine is killed while it starts.",
)  # fmt: skip

CANNOT_SPLIT = Code(
    "LS316", "split-not-in-engine", "{engine} cannot be split so: {reason}",
    why="Engines combine the ways of splitting a model in different ways, and refuse the others when they start.",
)  # fmt: skip

GIB = 2**30
INITIALISE = 180
"""Seconds for compiling, profiling and CUDA graph capture: an allowance; published startup probes give whole
deployments 10 to 60 minutes (KServe 0.20, llm-d guides)."""
PORT = 8000
"""Where every server of ours answers, whatever its own default."""
CONFIG, TEMPLATE = "serve.yaml", "chat_template.jinja"
PURPOSES = {CONFIG: "settings of the server of", TEMPLATE: "chat template of"}
SETTINGS = "/etc/llmspec"
"""Where both are mounted."""


class Server(Engine):
    """An engine that answers OpenAI's protocol, from a checkpoint and a file of settings."""

    program: ClassVar[tuple[str, ...]]
    """The command of its image."""

    tool_call_parser: Annotated[Line | None, doc("Parser of the model's tool calls, such as `hermes`.")] = None
    reasoning_parser: Annotated[Line | None, doc("Parser of the model's reasoning, such as `qwen3`.")] = None
    drain: Annotated[
        Seconds, doc("How long open requests may take after the signal to stop, before they are cut off.")
    ] = Seconds(45)

    @abstractmethod
    def settings(self, network: Network) -> str:
        """The text of the file of settings."""

    @abstractmethod
    def environment(self, network: Network) -> dict[str, str]:
        """Variables that it needs beside those of every container."""

    @abstractmethod
    def signals(self, network: Network) -> tuple[tuple[str, str], ...]:
        """What a release can be judged by, where this release of the engine measures it."""

    def kv_cache(self, network: Network) -> str:
        """The engine's word for the precision of the KV cache; empty where none was asked for."""
        row = self.facts().kv_cache(network.precision.kv_cache.removesuffix("-cast"))
        return row.name if row else ""

    def model_argument(self, network: Network) -> tuple[str, ...]:
        """How `program` is told the folder of the checkpoint."""
        return (network.checkpoint,)

    def images(self) -> tuple[str, ...]:
        known = self.known()
        return (known.image("serve"),) if known else ()

    def check(self, network: Network, report: Report) -> None:
        known = self.facts()
        for key, what, parser, kind in (
            ("toolCallParser", "tool call", self.tool_call_parser, "toolCallParsers"),
            ("reasoningParser", "reasoning", self.reasoning_parser, "reasoningParsers"),
        ):
            if parser is not None and parser not in known.names(kind):
                at, hint = (*network.at, "engine", key), did_you_mean(parser, known.names(kind))
                facts: dict[str, Any] = {
                    "engine": known.table.title,
                    "version": self.version,
                    "what": what,
                    "parser": parser,
                }
                report.say(UNKNOWN_PARSER, at, help=hint, **facts)
        self._check_memory(network, report)
        for key, reason, hint in self.unsplittable(network):
            at = (*network.at, "parallelism", key)
            report.say(CANNOT_SPLIT, at, engine=known.table.title, reason=reason, help=hint)

    @abstractmethod
    def unsplittable(self, network: Network) -> Iterator[tuple[str, str, str]]:
        """What of `parallelism` this engine cannot do: the key, the reason, what to write instead."""

    def _check_memory(self, network: Network, report: Report) -> None:
        shared = shared_memory(network)
        if 0 < network.memory < shared + 4 * GIB:
            hint = f"write `memory: {(shared + 8 * GIB) // GIB}Gi` or more, or leave it out"
            at = (*network.at, "resources", "memory")
            report.say(LITTLE_MEMORY, at, memory=network.memory / GIB, shared=shared / GIB, help=hint)

    def serve(self, network: Network, pin: Pin) -> Served:
        known = self.facts()
        image, files = self._image(network, known, pin), self._files(network)
        many = network.nodes > 1
        return Served(
            container=self._container(network, known, image, files, "leader" if many else "alone"),
            worker=self._container(network, known, image, files, "worker") if many else None,
            image=image,
            startup=_startup(network),
            drain=self.drain,
            driver=known.release.driver,
            queue_metric=known.word("requestsWaiting"),
            metrics_port="http",
            metrics_path=known.word("metricsPath"),
            signals=self.signals(network),
            shared_memory=shared_memory(network),
            files=(files,),
            documents=tuple((name, f"{PURPOSES[name]} {network.name}", text) for name, text in files.entries),
        )

    def _files(self, network: Network) -> Files:
        entries = [(CONFIG, self.settings(network))]
        entries += [(TEMPLATE, network.chat_template)] if network.chat_template else []
        return Files(
            name=f"{network.name}-serve",
            purpose=f"what {network.name} is served with",
            entries=tuple(entries),
            origins=tuple(f"{network.origin}.{key}" for key in ("engine", "context", "parallelism", "quantization")),
        )

    def _image(self, network: Network, known: Known, pin: Pin) -> Image:
        return Image(
            name=network.name,
            base=pin(known.image("serve")),
            template=f"docker/{self.table}.Dockerfile",
            title=f"{known.table.title} {self.version} for {network.name}",
            files=(
                ContextFile(path="health.py", template="docker/health.py"),
                ContextFile(path="wait-for.sh", template="docker/wait-for.sh"),
            ),
            command=self.program,
            port=PORT,
            health=known.word("healthPath"),
            origin=f"{network.origin}.engine",
        )

    def _container(self, network: Network, known: Known, image: Image, files: Files, role: Role) -> Container:
        probes = {} if role == "worker" else _probes(network, known)
        shared = shared_memory(network)
        variables = USUAL | (MEETING if role != "alone" else {}) | self.environment(network)
        address = (Env(name="POD_IP", field="status.podIP"),) if role != "alone" else ()
        return Container(
            name=self.kind,
            image=image,
            command=image.command,
            args=(*self.model_argument(network), *written(self.flags(network, role))),
            env=(*address, *(Env(name=name, value=value) for name, value in sorted(variables.items()))),
            ports=() if role == "worker" else (Port("http", image.port),),
            mounts=(
                Mount(volume=files.name, path=SETTINGS),
                Mount(volume="models", path="/models"),
                *SCRATCH,
                *((Mount(volume="shm", path="/dev/shm", read_only=False),) if shared else ()),  # noqa: S108
            ),
            resources=Resources(
                cpu=network.cpu,
                memory=network.memory or whole_gib(network.served_bytes // network.nodes) + shared + 8 * GIB,
                scratch=20 * GIB,
                gpus=network.parallel.gpus // network.nodes,
                origin=f"{network.origin}.resources",
            ),
            wait=15,
            **probes,
        )


# PyTorch asks for the name of the user, which a numeric user without an entry in /etc/passwd does not have.
USUAL = {
    "HF_HUB_OFFLINE": "1",
    "HOME": "/scratch/home",
    "TORCHINDUCTOR_CACHE_DIR": "/scratch/inductor",
    "TRITON_CACHE_DIR": "/scratch/triton",
    "USER": "llmspec",
    "XDG_CACHE_HOME": "/scratch/cache",
}


MEETING = {"GLOO_SOCKET_IFNAME": "eth0", "NCCL_SOCKET_IFNAME": "eth0"}
"""Over which interface pods of one replica meet: the one that every pod has."""


def _probes(network: Network, known: Known) -> dict[str, Probe]:
    path, budget = known.word("healthPath"), startup_budget(_startup(network))
    return {
        "startup": Probe(path, "http", period=10, failures=-(-budget // 10)),
        "ready": Probe(path, "http", period=5, failures=3),
        "live": Probe(path, "http", period=10, failures=6),
    }


def shared_memory(network: Network) -> int:
    """Bytes of /dev/shm in one pod: none for one GPU; for several, what their processes exchange (KServe 1 GiB,
    llm-d 20 GiB)."""
    gpus = network.parallel.gpus // network.nodes
    return 4 * GIB * gpus if network.parallel.gpus > 1 else 0


def arguments(table: dict[str, object], key: str) -> tuple[Argument, ...]:
    """Options that a user wrote under `key` of the engine."""
    return tuple(Argument(name=name, value=value, at=(key, name)) for name, value in sorted(table.items()))


def reserve(**keys: tuple[str, ...]) -> dict[str, str]:
    """Options by the key of a model that decides them; `__` stands for a dot."""
    return {name: f"`{key.replace('__', '.')}`" for key, names in keys.items() for name in names}


def written(flags: dict[str, tuple[Any, str]]) -> Iterator[str]:
    """Options as a command line has them: a switch that is off has a twin that begins with `no-`."""
    for name, (value, _) in flags.items():
        if isinstance(value, bool):
            yield f"--{'' if value else 'no-'}{name}"
        elif isinstance(value, (list, tuple)):
            yield from (f"--{name}", *map(str, value))
        else:
            yield from (f"--{name}", str(value))


def ratio(part: str, whole: str) -> str:
    """PromQL: a share of requests, 0 while the part has no series yet."""
    return f"(sum(rate({part}[5m])) or vector(0)) / sum(rate({whole}[5m]))"


def share(errors: str, answers: str) -> str:
    """PromQL: the share of requests that failed, of those that failed and those that did not."""
    failed = f"(sum(rate({errors}[5m])) or vector(0))"
    return f"{failed} / (sum(rate({answers}[5m])) + {failed})"


def quantile(metric: str, share: float) -> str:
    """PromQL: a quantile of a histogram over all pods of the selector."""
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{{$SELECTOR}}[5m])))"


def _startup(network: Network) -> int:
    """Seconds that a start is expected to take."""
    return startup_seconds(network.served_bytes, network.bandwidth, INITIALISE)
