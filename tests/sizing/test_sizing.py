"""Arithmetic of sizes and times, against published figures."""

import json
from pathlib import Path

import pytest

from llmspec.sizing.parameters import DENSE, dense_parameters
from llmspec.sizing.startup import startup_budget, startup_seconds

QWEN3_32B = {
    "model_type": "qwen3", "hidden_size": 5120, "num_hidden_layers": 64, "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "head_dim": 128, "intermediate_size": 25600, "vocab_size": 151936, "tie_word_embeddings": False,
}  # fmt: skip
LLAMA_3_1_8B = {
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": False,
}  # fmt: skip
QWEN2_5_7B = {
    "model_type": "qwen2", "hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "intermediate_size": 18944, "vocab_size": 152064, "tie_word_embeddings": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "published"), [(QWEN3_32B, 32_762_123_264), (LLAMA_3_1_8B, 8_030_261_248), (QWEN2_5_7B, 7_615_616_512)]
)
def test_parameters_are_the_published_totals(config, published):
    """Totals of the safetensors headers, as the hub shows them."""
    assert dense_parameters(config) == published


def test_an_architecture_that_is_not_known_is_not_guessed():
    assert dense_parameters({"model_type": "deepseek_v3"}) is None


def test_every_row_of_the_shared_table():
    table = Path(__file__).parents[3] / "shared" / "data" / "model-configs.json"
    if not table.is_file():
        pytest.skip("the shared table of model configs is not here; three of its rows are tested above")
    rows = [row for name, row in json.loads(table.read_text()).items() if "small-3.2" not in name]  # has a vision tower
    dense = [row for row in rows if row["config"]["model_type"] in DENSE]
    assert len(dense) >= 9
    for row in dense:
        assert dense_parameters(row["config"]) == row["published_total_params"], row["hf_id"]


@pytest.mark.parametrize(
    ("size", "bandwidth", "initialise", "seconds"), [(10, 10, 5, 6), (11, 10, 0, 2), (0, 10, 7, 7), (10, 0, 0, 10)]
)
def test_start_up(size, bandwidth, initialise, seconds):
    assert startup_seconds(size, bandwidth, initialise) == seconds


def test_a_start_is_given_three_times_what_it_takes_and_never_less_than_five_minutes():
    assert (startup_budget(10), startup_budget(1000)) == (300, 3000)
