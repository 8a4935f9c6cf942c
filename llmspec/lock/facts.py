"""The facts of a model from the small files of its checkpoint: headers only, never weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from llmspec.artifacts.folder import Folder, Unreadable
from llmspec.plan.build import Tensor
from llmspec.plan.network import Facts
from llmspec.sizing.parameters import dense_parameters

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1, "int8": 1}
"""Bytes of one element of a dtype, by its name in config.json."""

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
        index = f"{metadata}/model.safetensors.index.json" if "model.safetensors.index.json" in names else ""
        return _of_config(_json(folder, f"{metadata}/config.json"), _json(folder, index) if index else {}, sums)
    raise NoFacts(f"{metadata} holds neither config.json nor an ONNX graph")


def _json(folder: Folder, path: str) -> dict[str, Any]:
    try:
        data = msgspec.json.decode(folder.read(path), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise Unreadable(f"{path} is not a JSON object: {error}") from None
    return data


def _of_config(config: dict[str, Any], index: dict[str, Any], sums: dict[str, str]) -> Facts:
    text = config.get("text_config", config)
    try:
        parameters = dense_parameters(text) or 0
        dtype = str(text.get("torch_dtype") or text.get("dtype") or "")
        size = int((index.get("metadata") or {}).get("total_size") or parameters * BYTES.get(dtype, 0))
        heads = int(text["num_attention_heads"])
        facts = Facts(
            architecture=str(text["model_type"]),
            parameters=parameters,
            weight_bytes=size,
            dtype=dtype,
            layers=int(text["num_hidden_layers"]),
            hidden_size=int(text["hidden_size"]),
            attention_heads=heads,
            kv_heads=int(text.get("num_key_value_heads") or heads),
            head_size=int(text.get("head_dim") or text["hidden_size"] // heads),
            vocabulary=int(text["vocab_size"]),
            longest_context=int(text.get("max_position_embeddings") or 0),
            files=sums,
        )
    except KeyError as error:
        raise NoFacts(f"config.json has no `{error.args[0]}`") from None
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise NoFacts(f"config.json has a value that cannot be: {error}") from None
    if not facts.weight_bytes:
        raise NoFacts(
            f"the size of the weights cannot be told for `{facts.architecture}`: "
            "put the checkpoint's model.safetensors.index.json beside config.json"
        )
    return facts


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
