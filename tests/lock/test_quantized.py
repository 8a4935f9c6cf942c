"""What a checkpoint is quantized to is read from its own description, in every form that it comes in."""

import json

import pytest

from llmspec.artifacts.folder import Folder
from llmspec.lock.facts import read_facts
from llmspec.lock.quantized import quantization

WEIGHTS = {"num_bits": 8, "type": "float"}
FP8 = {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": WEIGHTS}}}
QWEN = {
    "model_type": "qwen3", "torch_dtype": "bfloat16", "hidden_size": 1024, "intermediate_size": 3072,
    "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
    "vocab_size": 151936, "max_position_embeddings": 40960, "tie_word_embeddings": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "described", "expected"),
    [
        ({}, {}, ("", "", "")),
        ({}, {"quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8"}}, ("fp8", "modelopt", "fp8")),
        ({}, {"quantization": {"quant_algo": "NVFP4", "kv_cache_quant_algo": None}}, ("nvfp4", "modelopt", "")),
        ({}, {"quantization": {"quant_algo": "W4A16_AWQ"}}, ("int4-awq", "modelopt", "")),
        ({}, {"quantization": {"quant_algo": "W4A8_AWQ"}}, ("w4a8-awq", "modelopt", "")),
        ({}, {"quantization": {"quant_algo": "W8A8_SQ_PER_CHANNEL"}}, ("int8-smoothquant", "modelopt", "")),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, {}, ("fp8", "fp8", "")),
        ({"quant_method": "awq", "bits": 4}, {}, ("int4-awq", "awq", "")),
        ({"quant_method": "gptq", "bits": 4}, {}, ("gptq", "gptq", "")),
        ({"quant_method": "mxfp4"}, {}, ("mxfp4", "mxfp4", "")),
        (FP8, {}, ("fp8", "compressed-tensors", "")),
        (FP8 | {"kv_cache_scheme": {"num_bits": 8, "type": "float"}}, {}, ("fp8", "compressed-tensors", "fp8")),
        (
            {"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized"},
            {},
            ("nvfp4", "compressed-tensors", ""),
        ),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, {}, ("bitsandbytes", "bitsandbytes", "")),
    ],
)
def test_it_is_read(config, described, expected):
    assert quantization({"quantization_config": config} if config else {}, described) == expected


@pytest.mark.parametrize("garbage", [None, [], "fp8", 1, {"config_groups": []}, {"config_groups": {"g": None}}])
def test_garbage_is_no_quantization(garbage):
    assert quantization({"quantization_config": garbage}, {"quantization": garbage})[0] == ""


def facts(tmp_path, config):
    (tmp_path / "chat").mkdir(parents=True)
    (tmp_path / "chat" / "config.json").write_text(json.dumps(config))
    return read_facts(Folder(tmp_path), "chat", read_graph=None)


def test_a_quantized_checkpoint_is_smaller(tmp_path):
    """By the bits of its linear layers; embeddings keep theirs."""
    whole = facts(tmp_path / "a", QWEN)
    half = facts(tmp_path / "b", QWEN | {"quantization_config": FP8})
    assert (whole.weight_bytes, half.quantization) == (1_192_099_840, "fp8")
    linear = whole.parameters - 2 * whole.vocabulary * whole.hidden_size
    assert half.weight_bytes == whole.weight_bytes - linear


def test_experts_and_encoders_are_read(tmp_path):
    mixture = {key: value for key, value in QWEN.items() if key != "model_type"} | {"model_type": "qwen3_moe"}
    (tmp_path / "a" / "chat").mkdir(parents=True)
    (tmp_path / "a" / "chat" / "config.json").write_text(json.dumps(mixture | {"num_experts": 128}))
    (tmp_path / "a" / "chat" / "model.safetensors.index.json").write_text('{"metadata": {"total_size": 61000000000}}')
    found = read_facts(Folder(tmp_path / "a"), "chat", read_graph=None)
    assert (found.experts, found.weight_bytes) == (128, 61_000_000_000)
    encoder = {
        "model_type": "bert", "hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 6,
        "num_attention_heads": 12, "max_position_embeddings": 512, "type_vocab_size": 2, "vocab_size": 30522,
        "id2label": {"0": "LABEL_0"},
    }  # fmt: skip
    found = facts(tmp_path / "b", encoder)
    assert found.parameters == 22_713_216, "as published for MiniLM-L6: 22.7 million"
    assert (found.token_types, found.labels, found.dtype, found.weight_bytes) == (2, 1, "float32", 4 * 22_713_216)
