"""The number of parameters of a dense decoder or an encoder, exactly, from its config.json."""

from __future__ import annotations

from typing import Any

DENSE = {"llama": 0, "mistral": 0, "qwen2": 0, "qwen3": 2}
"""Architectures of one layout, and the norm vectors of head size that each layer has (Qwen3 norms queries and keys).

Source: the modules of these names in Hugging Face transformers 4.51 (`models/*/modeling_*.py`)."""


ENCODERS = frozenset(["bert", "roberta", "xlm-roberta"])
"""Encoders of BERT's layout: three tables of embeddings, biases and two norms in each layer, and a pooler.

Source: `BertModel` and `RobertaModel` of Hugging Face transformers 4.51 (`models/*/modeling_*.py`)."""


def encoder_parameters(config: dict[str, Any]) -> int | None:
    """Parameters of a model whose `model_type` is one of `ENCODERS`, without a head for a task; None for any other."""
    if config.get("model_type") not in ENCODERS:
        return None
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    tables = config["vocab_size"] + config["max_position_embeddings"] + config.get("type_vocab_size", 2)
    attention = 4 * (hidden * hidden + hidden)
    layer = attention + 2 * hidden * inner + inner + hidden + 4 * hidden
    pooler = hidden * hidden + hidden
    return int(tables * hidden + 2 * hidden + config["num_hidden_layers"] * layer + pooler)


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
