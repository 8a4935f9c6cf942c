"""What a checkpoint is quantized to, in our words, from its own description."""

from __future__ import annotations

from typing import Any

ALGORITHMS = {
    "FP8": "fp8",
    "FP8_PB_WO": "fp8",
    "FP8_PB_REAL": "fp8",
    "FP8_PER_CHANNEL_PER_TOKEN": "fp8",
    "NVFP4": "nvfp4",
    "NVFP4_AWQ": "nvfp4",
    "W4A16_AWQ": "int4-awq",
    "W4A8_AWQ": "w4a8-awq",
    "W8A8_SQ_PER_CHANNEL": "int8-smoothquant",
}
"""`quant_algo` of ModelOpt → our method. Source: hf_quant_config.json as ModelOpt 0.47.0 writes it, and the constants
QUANTIZATION_* of modelopt/torch/export/model_config.py in its wheel."""
METHODS = {"fp8": "fp8", "awq": "int4-awq", "gptq": "gptq", "mxfp4": "mxfp4"}
"""`quant_method` of a config.json → our method, where the method alone says it. Source: Hugging Face transformers,
utils/quantization_config.py, class QuantizationMethod."""
KV_CACHES = {"FP8": "fp8", "NVFP4": "nvfp4"}
FORMATS = {"nvfp4-pack-quantized": "nvfp4", "mxfp4-pack-quantized": "mxfp4"}
WEIGHTS = {("float", 8): "fp8", ("int", 8): "int8-smoothquant", ("int", 4): "gptq"}
"""Type and bits of the weights in compressed-tensors → our method; integers of 4 bits have GPTQ's layout of groups."""
EIGHT_BITS = 8


def quantization(config: dict[str, Any], described: dict[str, Any]) -> tuple[str, str, str]:
    """Method, what made it, and the precision of the KV cache that there are scales for; empty where there is none.

    `config` is config.json, `described` ModelOpt's hf_quant_config.json or empty. A method without a word of ours is
    given as the checkpoint has it.
    """
    own, given = _mapping(described, "quantization"), _mapping(config, "quantization_config")
    algorithm = str(own.get("quant_algo") or given.get("quant_algo") or "")
    method = ALGORITHMS.get(algorithm) or algorithm.lower() or _method(given)
    scales = KV_CACHES.get(str(own.get("kv_cache_quant_algo") or ""), "") or _scales(given)
    return method, "modelopt" if own else str(given.get("quant_method") or ""), scales


def _mapping(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _method(given: dict[str, Any]) -> str:
    method = str(given.get("quant_method") or "")
    if method != "compressed-tensors":
        return METHODS.get(method, method)
    if str(given.get("format")) in FORMATS:
        return FORMATS[str(given["format"])]
    groups = _mapping(given, "config_groups")
    weights = _mapping(next((each for each in groups.values() if isinstance(each, dict)), {}), "weights")
    return WEIGHTS.get((str(weights.get("type")), _bits(weights)), method)


def _bits(scheme: dict[str, Any]) -> int:
    bits = scheme.get("num_bits")
    return bits if type(bits) is int else 0


def _scales(given: dict[str, Any]) -> str:
    scheme = _mapping(given, "kv_cache_scheme")
    return "fp8" if (scheme.get("type"), _bits(scheme)) == ("float", EIGHT_BITS) else ""
