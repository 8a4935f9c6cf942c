"""SGLang: generation and embedding from a checkpoint, without a build step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from llmspec.families import Argument, Role
from llmspec.parts.server import CONFIG, PORT, SETTINGS, TEMPLATE, Server, arguments, quantile, reserve
from llmspec.plan.network import Network
from llmspec.render.yaml import dump
from llmspec.scalars import Fraction, doc

MEETING_PORT = 20000
"""Where the pods of a replica meet. Source: the multi-node examples of SGLang's documentation."""


RESERVED = reserve(
    chatTemplate=("chat-template",),
    engine__enablePrefixCaching=("disable-radix-cache",),
    engine__memFractionStatic=("mem-fraction-static",),
    engine__reasoningParser=("reasoning-parser",),
    engine__toolCallParser=("tool-call-parser",),
    lora=("enable-lora", "lora-paths"),
    metadata=("model-path", "revision", "tokenizer-path"),
    parallelism=(
        "attn-dp-size", "dist-init-addr", "dp-size", "enable-dp-attention", "ep-size", "nnodes", "node-rank", "pp-size",
    ),
    quantization=("kv-cache-dtype", "quantization"),
    serving=("config",),
    task=("is-embedding",),
)  # fmt: skip


class SgLang(Server):
    """SGLang's OpenAI-compatible server."""

    kind = table = "sglang"
    tasks = ("generate", "embed")
    takes = ("context", "parallelism", "quantization", "chatTemplate", "lora", "servedName")
    command = flag_command = "sglang.launch_server"
    program = ("python3", "-m", "sglang.launch_server")
    spans_nodes = True
    mem_fraction_static: Annotated[
        Fraction | None,
        doc("Share of each GPU's memory for weights and KV cache together. Default: what SGLang works out."),
    ] = None
    enable_prefix_caching: Annotated[bool, doc("Keep the KV cache of shared beginnings, such as system prompts.")] = (
        True
    )
    args: Annotated[
        dict[str, Any],
        doc("Further options of `sglang.launch_server`, by their names without `--`; checked against the release."),
    ] = {}

    def arguments(self) -> tuple[Argument, ...]:
        return arguments(self.args, "args")

    def reserved(self) -> dict[str, str]:
        return RESERVED

    def model_argument(self, network: Network) -> tuple[str, ...]:
        return ("--model-path", network.checkpoint)

    def own(self, network: Network) -> dict[str, tuple[Any, str]]:
        split = network.parallel
        options: dict[str, tuple[Any, str]] = {
            "context-length": (network.max_model_len, "`context.maxModelLen`"),
            "enable-metrics": (True, "the metrics"),
            "host": ("0.0.0.0", "the port of the Service"),  # noqa: S104 - a pod's own network; the default is 127.0.0.1
            "max-running-requests": (network.max_num_seqs, "`context.maxNumSeqs`"),
            "port": (PORT, "the port of the Service"),
            "served-model-name": (network.served_name, "the model's `servedName`"),
            "tp-size": (split.tensor, "`parallelism.tensor`"),
        }
        more = {
            "pp-size": (split.pipeline > 1, split.pipeline, "`parallelism.pipeline`"),
            "ep-size": (split.expert > 1, split.expert, "`parallelism.expert`"),
            "mem-fraction-static": (True, self.mem_fraction_static, "`engine.memFractionStatic`"),
            "disable-radix-cache": (not self.enable_prefix_caching, True, "`engine.enablePrefixCaching`"),
            "is-embedding": (network.task == "embed", True, "the model's `task`"),
            "quantization": (True, network.made_while_loading, "`quantization.method`"),
            "kv-cache-dtype": (True, self.kv_cache(network), "`quantization.kvCache`"),
            "chat-template": (bool(network.chat_template), f"{SETTINGS}/{TEMPLATE}", "the model's `chatTemplate`"),
            "tool-call-parser": (True, self.tool_call_parser, "`engine.toolCallParser`"),
            "reasoning-parser": (True, self.reasoning_parser, "`engine.reasoningParser`"),
        }
        return options | {name: (value, where) for name, (is_set, value, where) in more.items() if is_set and value}

    def flags(self, network: Network, role: Role) -> dict[str, tuple[Any, str]]:
        """Adapters and booleans stand here, because the reader of the file takes neither
        (sglang/srt/utils/server_args_config_parser.py of 0.5.21).
        """
        flags: dict[str, tuple[Any, str]] = {"config": (f"{SETTINGS}/{CONFIG}", "the file of settings")}
        flags |= {name: (value, "`engine.args`") for name, value in self.args.items() if self._is_boolean(name)}
        if network.adapters:
            paths = [f"{each.name}={each.folder}" for each in network.adapters]
            flags |= {"enable-lora": (True, "the model's `lora`"), "lora-paths": (paths, "the model's `lora`")}
        if role != "alone":
            flags |= {
                "nnodes": (network.nodes, "`parallelism`"),
                "node-rank": ("$(LWS_WORKER_INDEX)", "`parallelism`"),
                "dist-init-addr": (f"$(LWS_LEADER_ADDRESS):{MEETING_PORT}", "`parallelism`"),
            }
        return flags

    def _is_boolean(self, name: str) -> bool:
        option = self.facts().options(self.command).get(name)
        return option is not None and option.type == "boolean"

    def settings(self, network: Network) -> str:
        own = {name: value for name, (value, _) in self.own(network).items()}
        added = {name: value for name, value in self.args.items() if not self._is_boolean(name)}
        return dump(dict(sorted((own | added).items())))

    def unsplittable(self, network: Network) -> Iterator[tuple[str, str, str]]:
        split = network.parallel
        if split.data > 1:
            yield "data", "copies are replicas of their own here", "write `scaling: {minReplicas: …}`"
        if split.tensor % split.expert:
            yield "expert", "`expert` must divide `tensor`", f"write `expert: {split.tensor}`"

    def environment(self, network: Network) -> dict[str, str]:
        return {"SGLANG_HOST_IP": "$(POD_IP)"} if network.nodes > 1 else {}

    def signals(self, network: Network) -> tuple[tuple[str, str], ...]:  # noqa: ARG002 - it counts no failed requests
        return (("timeToFirstTokenP95", quantile(self.facts().word("timeToFirstToken"), 0.95)),)
