"""vLLM: generation and embedding from a checkpoint, without a build step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from llmspec.families import Argument, Role
from llmspec.parts.server import CONFIG, PORT, SETTINGS, TEMPLATE, Server, arguments, quantile, ratio, reserve
from llmspec.plan.network import Network
from llmspec.render.yaml import dump
from llmspec.scalars import Fraction, doc

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Values of `max-lora-rank`. Source: vllm/config/lora.py of 0.24.0 and 0.33.0, MaxLoRARanks."""
MASTER_PORT = 29500
"""Where the pods of a replica meet: PyTorch's own default."""


RESERVED = reserve(
    chatTemplate=("chat-template",),
    engine__reasoningParser=("reasoning-parser",),
    engine__toolCallParser=("enable-auto-tool-choice", "tool-call-parser"),
    lora=("enable-lora", "lora-modules", "max-lora-rank", "max-loras"),
    metadata=("model", "revision", "tokenizer"),
    parallelism=(
        "data-parallel-address", "data-parallel-rank", "data-parallel-size", "data-parallel-size-local",
        "data-parallel-start-rank", "enable-expert-parallel", "headless", "master-addr", "master-port", "nnodes",
        "node-rank", "pipeline-parallel-size", "prefill-context-parallel-size",
    ),
    quantization=("kv-cache-dtype", "quantization"),
    serving=("config",),
)  # fmt: skip


class Vllm(Server):
    """vLLM's OpenAI-compatible server."""

    kind = table = "vllm"
    tasks = ("generate", "embed", "rerank", "classify")
    takes = ("context", "parallelism", "quantization", "chatTemplate", "lora", "servedName")
    command = "vllm serve"
    flag_command = "vllm serve"
    program = ("vllm", "serve")
    spans_nodes = True
    gpu_memory_utilization: Annotated[Fraction, doc("Share of each GPU's whole memory that vLLM may use.")] = 0.9
    enable_prefix_caching: Annotated[bool, doc("Keep the KV cache of shared beginnings, such as system prompts.")] = (
        True
    )
    args: Annotated[
        dict[str, Any],
        doc("Further options of `vllm serve`, by their long names without `--`; checked against the release."),
    ] = {}

    def arguments(self) -> tuple[Argument, ...]:
        return arguments(self.args, "args")

    def reserved(self) -> dict[str, str]:
        return RESERVED

    def own(self, network: Network) -> dict[str, tuple[Any, str]]:
        split = network.parallel
        return {
            "enable-prefix-caching": (self.enable_prefix_caching, "`engine.enablePrefixCaching`"),
            "gpu-memory-utilization": (self.gpu_memory_utilization, "`engine.gpuMemoryUtilization`"),
            "host": ("0.0.0.0", "the port of the Service"),  # noqa: S104 - a pod's own network
            "max-model-len": (network.max_model_len, "`context.maxModelLen`"),
            "max-num-seqs": (network.max_num_seqs, "`context.maxNumSeqs`"),
            "port": (PORT, "the port of the Service"),
            "runner": ("generate" if network.task == "generate" else "pooling", "the model's `task`"),
            "served-model-name": (network.served_name, "the model's `servedName`"),
            "shutdown-timeout": (self.drain, "`engine.drain`"),
            "tensor-parallel-size": (split.tensor, "`parallelism.tensor`"),
            **({"pipeline-parallel-size": (split.pipeline, "`parallelism.pipeline`")} if split.pipeline > 1 else {}),
            **({"data-parallel-size": (split.data, "`parallelism.data`")} if split.data > 1 else {}),
            **({"enable-expert-parallel": (True, "`parallelism.expert`")} if split.expert > 1 else {}),
            **self._precision(network),
            **self._parsers(network),
            **_adapters(network),
        }

    def _precision(self, network: Network) -> dict[str, tuple[Any, str]]:
        """What a checkpoint has is read from it; what it lacks and no job makes is made while it is loaded."""
        options = {}
        if method := network.made_while_loading:
            options["quantization"] = (method, "`quantization.method`")
        if dtype := self.kv_cache(network):
            options["kv-cache-dtype"] = (dtype, "`quantization.kvCache`")
        return options

    def _parsers(self, network: Network) -> dict[str, tuple[Any, str]]:
        options: dict[str, tuple[Any, str]] = {}
        if self.tool_call_parser:
            options["enable-auto-tool-choice"] = (True, "`engine.toolCallParser`")
            options["tool-call-parser"] = (self.tool_call_parser, "`engine.toolCallParser`")
        if self.reasoning_parser:
            options["reasoning-parser"] = (self.reasoning_parser, "`engine.reasoningParser`")
        if network.chat_template:
            options["chat-template"] = (f"{SETTINGS}/{TEMPLATE}", "the model's `chatTemplate`")
        return options

    def settings(self, network: Network) -> str:
        known = self.facts().options(self.command)
        options = {name: value for name, (value, _) in self.own(network).items()} | self.args
        rows = (_written(name, options[name], known[name].type) for name in sorted(options))
        return dump(dict(row for row in rows if row))

    def unsplittable(self, network: Network) -> Iterator[tuple[str, str, str]]:
        split = network.parallel
        if split.expert not in (1, split.tensor * split.data):
            reason = "experts are spread over all of `tensor` × `data`, or not at all"
            yield "expert", reason, f"write `expert: {split.tensor * split.data}`, or remove it"
        if split.data > 1 and network.nodes > 1:
            yield "data", "`data` stays inside a node", "use `tensor` and `pipeline` over nodes"

    def flags(self, network: Network, role: Role) -> dict[str, tuple[Any, str]]:
        file = {"config": (f"{SETTINGS}/{CONFIG}", "the file of settings")}
        if role == "alone":
            return file
        where = "`parallelism`"
        return {
            **file,
            "nnodes": (network.nodes, where),
            "node-rank": ("$(LWS_WORKER_INDEX)", where),
            "master-addr": ("$(LWS_LEADER_ADDRESS)", where),
            "master-port": (MASTER_PORT, where),
            **({"headless": (True, where)} if role == "worker" else {}),
        }

    def environment(self, network: Network) -> dict[str, str]:
        several = {"VLLM_HOST_IP": "$(POD_IP)"} if network.nodes > 1 else {}
        return {"VLLM_CACHE_ROOT": "/scratch/vllm", "VLLM_NO_USAGE_STATS": "1"} | several

    def signals(self, network: Network) -> tuple[tuple[str, str], ...]:  # noqa: ARG002
        answers = '{$SELECTOR,handler=~"/v1/.*"'
        errors = ratio(f'http_requests_total{answers},status="5xx"}}', f"http_requests_total{answers}}}")
        first = quantile(self.facts().word("timeToFirstToken"), 0.95)
        return (("errorRatio", errors), ("timeToFirstTokenP95", first))


def _adapters(network: Network) -> dict[str, tuple[Any, str]]:
    if not network.adapters:
        return {}
    highest = max(each.facts.rank for each in network.adapters)
    where = "the model's `lora`"
    return {
        "enable-lora": (True, where),
        "lora-modules": ([f"{each.name}={each.folder}" for each in network.adapters], where),
        "max-lora-rank": (next((rank for rank in RANKS if rank >= highest), highest), where),
        "max-loras": (len(network.adapters), where),
    }


def _written(name: str, value: Any, type_: str) -> tuple[str, Any] | None:
    """An option as the configuration file has it.

    The file's reader drops a `false` (vllm/utils/argparse_utils.py of 0.24.0), so the option would keep its default;
    a boolean option has a twin that begins with `no-`, and a flag is left out.
    """
    if value is not False:
        return name, value
    return (f"no-{name}", True) if type_ == "boolean" else None
