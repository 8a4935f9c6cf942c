"""The facts of a model from the small files of its checkpoint: headers only, never weights."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from llmspec.artifacts.folder import Folder, Unreadable
from llmspec.lock.quantized import quantization
from llmspec.plan.build import Tensor
from llmspec.plan.network import Facts
from llmspec.sizing.parameters import dense_parameters, encoder_parameters
from llmspec.sizing.quantized import served_bytes

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1, "int8": 1}
"""Bytes of one element of a dtype, by its name in config.json."""

UNSAID = "float32"
"""What a checkpoint is in whose config.json says nothing: transformers loads it so."""

LARGEST = 10**15
"""Greater than any count or size of a network; what exceeds it is not meant."""

CONFIG, INDEX, QUANTIZED = "config.json", "model.safetensors.index.json", "hf_quant_config.json"
ADAPTER = "adapter_config.json"
EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
"""Keys of config.json that hold the number of experts: Qwen, Mixtral and gpt-oss, DeepSeek."""

Graph = Any
ReadGraph = Callable[[Path], Graph]


class NoFacts(Exception):
    """The facts cannot be had; the message says why and what would do."""


def read_facts(folder: Folder, metadata: str, read_graph: ReadGraph) -> Facts:
    """Facts from the metadata folder. Raises `NoFacts`, or `Unreadable` for a file that is there but cannot be read."""
    names = {path.name for path in (folder.root / metadata).glob("*") if path.is_file()}
    sums = _sums(folder.read(f"{metadata}/SHA256SUMS").decode("utf-8", "replace")) if "SHA256SUMS" in names else {}
    graphs = sorted(name for name in names if name.endswith(".onnx"))
    if len(graphs) > 1:
        raise NoFacts(f"{metadata} holds several ONNX graphs ({', '.join(graphs)}); keep the one that is served")
    if graphs:
        return _of_graph(folder, metadata, graphs[0], read_graph, sums)
    if "config.json" in names:
        read = {name: _json(folder, f"{metadata}/{name}") for name in sorted(names & {CONFIG, INDEX, QUANTIZED})}
        return _of_config(read[CONFIG], read.get(INDEX, {}), read.get(QUANTIZED, {}), sums)
    if ADAPTER in names:
        return Facts(architecture="lora", rank=_count(_json(folder, f"{metadata}/{ADAPTER}"), "r"), files=sums)
    raise NoFacts(f"{metadata} holds neither config.json, nor an ONNX graph, nor {ADAPTER}")


def _json(folder: Folder, path: str) -> dict[str, Any]:
    try:
        data = msgspec.json.decode(folder.read(path), type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Unreadable(f"{path} is not a JSON object: {error}") from None
    return data


def _of_config(config: dict[str, Any], index: dict[str, Any], described: dict[str, Any], sums: dict[str, str]) -> Facts:
    text = config["text_config"] if isinstance(config.get("text_config"), dict) else config
    method, maker, scales = quantization({**text, **config}, described)
    heads, hidden = _count(text, "num_attention_heads"), _count(text, "hidden_size")
    for key in ("intermediate_size", "num_key_value_heads", "head_dim", "max_position_embeddings"):
        _count(text, key, default=0)
    facts = Facts(
        architecture=_word(text, "model_type"),
        layers=_count(text, "num_hidden_layers"),
        hidden_size=hidden,
        attention_heads=heads,
        kv_heads=_count(text, "num_key_value_heads", default=0) or heads,
        head_size=_count(text, "head_dim", default=0) or hidden // heads,
        vocabulary=_count(text, "vocab_size"),
        longest_context=_count(text, "max_position_embeddings", default=0),
        dtype=_word(text, "torch_dtype" if "torch_dtype" in text else "dtype") or UNSAID,
        experts=max(_count(text, key, default=0) if text.get(key) else 0 for key in EXPERTS),
        token_types=_count(text, "type_vocab_size", default=0),
        labels=len(text["id2label"]) if isinstance(text.get("id2label"), dict) else 0,
        quantization=_plain(method),
        quantizer=_plain(maker),
        kv_scales=scales,
        files=sums,
    )
    parameters = _parameters(text)
    whole, outside = parameters * BYTES.get(facts.dtype, 0), 2 * facts.vocabulary * hidden
    size = _total_size(index) or served_bytes(method, whole, parameters, outside)
    if not size:
        raise NoFacts(
            f"the size of the weights cannot be told for `{facts.architecture}`: "
            "put the checkpoint's model.safetensors.index.json beside config.json"
        )
    return replace(facts, parameters=parameters, weight_bytes=size)


def _parameters(text: dict[str, Any]) -> int:
    try:
        return dense_parameters(text) or encoder_parameters(text) or 0
    except KeyError as error:
        raise NoFacts(f"config.json has no {error}") from None


def _count(text: dict[str, Any], key: str, default: int | None = None) -> int:
    """A count of config.json: absent or null gives `default`, anything but a whole number is refused."""
    value = text.get(key)
    if value is None:
        if default is None:
            raise NoFacts(f"config.json has no `{key}`")
        return default
    if type(value) is not int or not 0 < value <= LARGEST:
        raise NoFacts(f"`{key}` of config.json must be a whole number above zero, not {str(value)[:40]!r}")
    return value


def _word(text: dict[str, Any], key: str) -> str:
    value = text.get(key, "")
    if not isinstance(value, str) or len(value) > 100 or not value.isprintable():  # noqa: PLR2004 - of any name
        raise NoFacts(f"`{key}` of config.json must be a name")
    return value


def _plain(method: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,100}", method):
        raise NoFacts("the quantization of the checkpoint has no plain name")
    return method


def _total_size(index: dict[str, Any]) -> int:
    """`metadata.total_size` of a safetensors index, in bytes; 0 where the index does not give it."""
    metadata = index.get("metadata")
    size = metadata.get("total_size", 0) if isinstance(metadata, dict) else 0
    if type(size) is not int or not 0 <= size <= LARGEST:
        raise NoFacts(f"`total_size` of model.safetensors.index.json is no size: {str(size)[:40]!r}")
    return size


def _of_graph(folder: Folder, metadata: str, name: str, read_graph: ReadGraph, sums: dict[str, str]) -> Facts:
    folder.read(f"{metadata}/{name}")
    graph = read_graph(folder.root / metadata / name)
    return Facts(
        architecture="onnx",
        parameters=graph.parameters,
        weight_bytes=graph.weight_bytes,
        opset=graph.opset,
        inputs=tuple(Tensor(each.name, each.dtype, tuple(each.shape)) for each in graph.inputs),
        outputs=tuple(Tensor(each.name, each.dtype, tuple(each.shape)) for each in graph.outputs),
        files=sums,
    )


def _sums(text: str) -> dict[str, str]:
    """The lines of `sha256sum`, by path. Anything else in the file is refused."""
    rows = {}
    for number, line in enumerate(text.splitlines(), 1):
        digest, _, name = line.partition("  ")
        is_digest = len(digest) == 64 and all(letter in "0123456789abcdef" for letter in digest)  # noqa: PLR2004
        if not is_digest or not name or name.startswith("/") or ".." in name.split("/") or not name.isprintable():
            raise NoFacts(f"SHA256SUMS:{number} is not a line of `sha256sum`")
        rows[name] = digest
    return dict(sorted(rows.items()))
