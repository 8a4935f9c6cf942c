"""The number of parameters of a dense decoder, exactly, from its config.json."""

from __future__ import annotations

from typing import Any

DENSE = {"llama": 0, "mistral": 0, "qwen2": 0, "qwen3": 2}
"""Architectures of one layout, and the norm vectors of head size that each layer has (Qwen3 norms queries and keys).

Source: the modules of these names in Hugging Face transformers 4.51 (`models/*/modeling_*.py`)."""


def dense_parameters(config: dict[str, Any]) -> int | None:
    """Parameters of a model whose `model_type` is one of `DENSE`; None for any other.

    Untied models count the output head; Qwen2 has biases on query, key and value, others where `attention_bias` says.
    """
    if config.get("model_type") not in DENSE:
        return None
    hidden, layers, vocabulary = config["hidden_size"], config["num_hidden_layers"], config["vocab_size"]
    heads = config["num_attention_heads"]
    head = config.get("head_dim") or hidden // heads
    queries, keys = heads * head, (config.get("num_key_value_heads") or heads) * head
    attention = hidden * queries * 2 + hidden * keys * 2
    if config.get("attention_bias") or config["model_type"] == "qwen2":
        attention += queries + 2 * keys + (hidden if config["model_type"] == "llama" else 0)
    mlp = 3 * hidden * config["intermediate_size"]
    layer = attention + mlp + 2 * hidden + DENSE[config["model_type"]] * head
    embeddings = vocabulary * hidden * (1 if config.get("tie_word_embeddings") else 2)
    return int(embeddings + layers * layer + hidden)
