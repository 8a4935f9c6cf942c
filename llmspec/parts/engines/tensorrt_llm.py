"""TensorRT-LLM: generation from a checkpoint by `trtllm-serve`; engines only where the release still has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from msgspec.structs import replace

from llmspec.catalog.releases import Option
from llmspec.families import Argument, Pin, Role
from llmspec.parts.server import CONFIG, PORT, SETTINGS, TEMPLATE, Server, quantile, reserve, share
from llmspec.parts.trtllm.engine import build_of, check_engine
from llmspec.plan.network import Network, Served
from llmspec.render.yaml import dump
from llmspec.report.report import Report
from llmspec.scalars import Fraction, doc

FILES = ("config", "extra_llm_api_options")
"""Names of the option that takes the file of settings, the newer one first."""


RESERVED = reserve(
    engine__reasoningParser=("reasoning_parser",),
    lora=("enable_lora", "lora_config", "lora_config.lora_dir", "lora_config.max_lora_rank", "lora_config.max_loras"),
    metadata=("model", "revision", "tokenizer"),
    parallelism=(
        "context_parallel_size", "enable_attention_dp", "gpus_per_node", "moe_cluster_parallel_size",
        "moe_expert_parallel_size", "moe_tensor_parallel_size", "pipeline_parallel_size",
    ),
    quantization__kvCache=("kv_cache_config.dtype",),
)  # fmt: skip


class TensorRtLlm(Server):
    """NVIDIA's server of language models. A checkpoint is quantized before, by ModelOpt, and read as it is."""

    kind = table = "tensorrt-llm"
    tasks = ("generate",)
    takes = ("context", "parallelism", "quantization", "chatTemplate", "lora", "servedName")
    command = "trtllm-serve --config"
    flag_command = "trtllm-serve"
    program = ("trtllm-serve", "serve")
    backend: Annotated[
        Literal["pytorch", "tensorrt"],
        doc("`tensorrt` builds an engine with `trtllm-build`, which releases up to 1.3.0rc20 have, and none after."),
    ] = "pytorch"
    free_gpu_memory_fraction: Annotated[
        Fraction, doc("Share of what is free on each GPU after the weights that the KV cache may use.")
    ] = 0.9
    enable_block_reuse: Annotated[bool, doc("Keep the KV cache of shared beginnings, such as system prompts.")] = True
    config: Annotated[
        dict[str, Any], doc("Further keys of the file that `--config` names; checked against the release.")
    ] = {}

    def builds(self, network: Network) -> bool:  # noqa: ARG002
        return self.backend == "tensorrt"

    def arguments(self) -> tuple[Argument, ...]:
        known = self.known()
        return tuple(_flat(self.config, (), known.options(self.command) if known else {}))

    def reserved(self) -> dict[str, str]:
        return RESERVED

    def own(self, network: Network) -> dict[str, tuple[Any, str]]:
        split = network.parallel
        ranks = split.tensor * split.data
        return {
            "max_batch_size": (network.max_num_seqs, "`context.maxNumSeqs`"),
            "max_seq_len": (network.max_model_len, "`context.maxModelLen`"),
            "tensor_parallel_size": (ranks, "`parallelism.tensor`"),
            "return_perf_metrics": (True, "the metrics"),
            "enable_iter_perf_stats": (True, "the metrics"),
            "kv_cache_config.enable_block_reuse": (self.enable_block_reuse, "`engine.enableBlockReuse`"),
            "kv_cache_config.free_gpu_memory_fraction": (
                self.free_gpu_memory_fraction,
                "`engine.freeGpuMemoryFraction`",
            ),
            **({"pipeline_parallel_size": (split.pipeline, "`parallelism.pipeline`")} if split.pipeline > 1 else {}),
            **({"enable_attention_dp": (True, "`parallelism.data`")} if split.data > 1 else {}),
            **({"moe_expert_parallel_size": (split.expert, "`parallelism.expert`")} if split.expert > 1 else {}),
            **(
                {"kv_cache_config.dtype": (dtype, "`quantization.kvCache`")}
                if (dtype := self.kv_cache(network))
                else {}
            ),
            **_adapters(network),
        }

    def unsplittable(self, network: Network) -> Iterator[tuple[str, str, str]]:
        split = network.parallel
        if split.data > 1 and split.tensor > 1:
            reason = "with `data` every GPU has all heads, so `tensor` is 1"
            yield "data", reason, f"write `tensor: 1, data: {split.tensor * split.data}`, or remove `data`"
        if split.tensor * split.data % split.expert:
            yield "expert", "`expert` must divide the GPUs of a stage", f"write `expert: {split.tensor * split.data}`"

    def check(self, network: Network, report: Report) -> None:
        super().check(network, report)
        check_engine(network, self.facts(), self.backend, report)

    def settings(self, network: Network) -> str:
        options = {name: value for name, (value, _) in self.own(network).items()}
        nested: dict[str, Any] = {}
        for name in sorted(options):
            *outer, last = name.split(".")
            inner = nested
            for step in outer:
                inner = inner.setdefault(step, {})
            inner[last] = options[name]
        return dump(_merged(nested, self.config))

    def flags(self, network: Network, role: Role) -> dict[str, tuple[Any, str]]:  # noqa: ARG002 - it runs on one node
        options = self.facts().options(self.flag_command)
        where, flags = "the port of the Service", dict[str, tuple[Any, str]]()
        if self.backend == "tensorrt":
            flags |= {"backend": ("tensorrt", "`engine.backend`"), "tokenizer": (network.weights, "`engine.backend`")}
        flags["host"] = ("0.0.0.0", where)  # noqa: S104 - a pod's own network; the server's default is localhost
        flags["port"] = (PORT, where)
        flags[next(name for name in FILES if name in options)] = (f"{SETTINGS}/{CONFIG}", "the file of settings")
        if "served_model_name" in options or network.served_name != network.name:
            flags["served_model_name"] = (network.served_name, "the model's `servedName`")
        if network.chat_template:
            flags["chat_template"] = (f"{SETTINGS}/{TEMPLATE}", "the model's `chatTemplate`")
        if self.tool_call_parser:
            flags["tool_parser"] = (self.tool_call_parser, "`engine.toolCallParser`")
        if self.reasoning_parser:
            flags["reasoning_parser"] = (self.reasoning_parser, "`engine.reasoningParser`")
        return flags | ({"telemetry": (False, "privacy")} if "telemetry" in options else {})

    def serve(self, network: Network, pin: Pin) -> Served:
        if self.backend == "pytorch":
            return super().serve(network, pin)
        build = build_of(network, self.facts(), pin)
        return replace(super().serve(replace(network, checkpoint=build.result), pin), build=build)

    def environment(self, network: Network) -> dict[str, str]:  # noqa: ARG002
        """Open MPI makes identifiers of the host's name; where that is long the server never opens its port
        (TensorRT-LLM#19607).
        """
        return {"PMIX_HOSTNAME": "pod"}

    def signals(self, network: Network) -> tuple[tuple[str, str], ...]:  # noqa: ARG002
        known = self.facts()
        first = ("timeToFirstTokenP95", quantile(known.word("timeToFirstToken"), 0.95))
        errors, answers = (f"{known.word(each)}{{$SELECTOR}}" for each in ("errors", "requests"))
        return (("errorRatio", share(errors, answers)), first) if known.word("errors") else (first,)


def _adapters(network: Network) -> dict[str, tuple[Any, str]]:
    if not network.adapters:
        return {}
    where = "the model's `lora`"
    return {
        "lora_config.lora_dir": ([each.folder for each in network.adapters], where),
        "lora_config.max_lora_rank": (max(each.facts.rank for each in network.adapters), where),
        "lora_config.max_loras": (len(network.adapters), where),
    }


def _flat(values: dict[str, Any], outer: tuple[str, ...], known: dict[str, Option]) -> Iterator[Argument]:
    """Keys as the catalogue has them: `a.b` where it knows what is inside `a`."""
    for key, value in sorted(values.items()):
        path = (*outer, key)
        inside = f"{'.'.join(path)}."
        if isinstance(value, dict) and any(name.startswith(inside) for name in known):
            yield from _flat(value, path, known)
        else:
            yield Argument(name=".".join(path), value=value, at=("config", *path))


def _merged(own: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    """Both, sorted; no key of a leaf is in both, which has been checked."""
    merged = dict(own)
    for key, value in added.items():
        before = merged.get(key)
        merged[key] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return dict(sorted(merged.items()))
