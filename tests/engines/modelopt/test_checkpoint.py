"""templates/engine/quantize_checkpoint.py makes of a small Llama what each method of llmspec asks for.

The model is random, so only what lies in the folder is looked at. run.sh makes the environment.
"""

import json
import stat

import pytest

REASON = "tests/engines/modelopt/run.sh runs it"
pytest.importorskip("modelopt", reason=REASON)
torch = pytest.importorskip("torch", reason=REASON)
transformers = pytest.importorskip("transformers", reason=REASON)

import tokenizers  # noqa: E402
from commands import script  # noqa: E402
from safetensors import safe_open  # noqa: E402

pytestmark = pytest.mark.engines

ROWS = (
    {"text": "The store opens at nine in the morning."},
    {"prompt": "How do I get my money back?"},
    {"messages": [{"role": "user", "content": "Where is my parcel?"}]},
    {"text": "Refunds are paid within fourteen days."},
)
RECIPE = "general/ptq/"
MADE = {
    # method, KV cache: (what is said, quant_algo, kv_cache_quant_algo, type of the weights)
    "fp8": (("--format", "fp8"), "FP8", "none", "F8_E4M3"),
    "fp8, fp8": (("--recipe", RECIPE + "fp8_default-kv_fp8_cast"), "FP8", "FP8", "F8_E4M3"),
    "nvfp4, fp8": (("--recipe", RECIPE + "nvfp4_default-kv_fp8_cast"), "NVFP4", "FP8", "U8"),
    "nvfp4, nvfp4": (("--recipe", RECIPE + "nvfp4_default-kv_nvfp4_cast"), "NVFP4", "NVFP4", "U8"),
    "int4-awq, fp8": (("--format", "int4_awq", "--kv-cache", "fp8_cast"), "W4A16_AWQ", "FP8", "U8"),
    "w4a8-awq": (("--format", "w4a8_awq_beta"), "W4A8_AWQ", "none", "U8"),
}
INT8 = ("W8A8_SQ_PER_CHANNEL", "none")
PROJECTION = "model.layers.0.mlp.up_proj.weight"


def made_tokenizer():
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    model.train_from_iterator((json.dumps(row) for row in ROWS), trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=model, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = "{% for m in messages %}<s>{{ m.role }}: {{ m.content }}</s>{% endfor %}"
    return tokenizer


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with the checkpoint `llama` and the calibration rows `rows.jsonl`."""
    folder = tmp_path_factory.mktemp("ptq")
    config = transformers.LlamaConfig(
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=320,
        max_position_embeddings=128,
        bos_token_id=0,
        eos_token_id=1,
    )
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder / "llama")
    made_tokenizer().save_pretrained(folder / "llama")
    (folder / "llama" / "LICENSE").write_text("terms\n")
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    return folder


def quantize(place, output, *more, rows="rows.jsonl", samples=4, device="cpu", expect=("FP8", "none")):
    return script(
        "quantize_checkpoint.py",
        *("--model", "llama", "--output", output, "--calibration", rows, "--samples", samples),
        *("--sequence", 32, "--batch-size", 2, "--device", device),
        *("--expect-algorithm", expect[0], "--expect-kv-cache", expect[1]),
        *more,
        cwd=place,
    )


@pytest.mark.parametrize("method", MADE)
def test_each_method(place, tmp_path, method):
    arguments, algorithm, kv_cache, dtype = MADE[method]
    output = tmp_path / "quantized"
    status, said = quantize(place, output, *arguments, expect=(algorithm, kv_cache))
    assert status == 0, said
    made = json.loads((output / "hf_quant_config.json").read_text("utf-8"))["quantization"]
    assert (made["quant_algo"], made["kv_cache_quant_algo"] or "none") == (algorithm, kv_cache)
    assert json.loads((output / "config.json").read_text("utf-8"))["quantization_config"]["quant_algo"] == algorithm
    with safe_open(output / "model.safetensors", "np") as weights:
        assert weights.get_slice(PROJECTION).get_dtype() == dtype
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "LICENSE"):
        assert (output / name).read_bytes() == (place / "llama" / name).read_bytes()
    assert {stat.S_IMODE(path.stat().st_mode) for path in output.iterdir()} == {0o644}
    assert [path.name for path in tmp_path.iterdir()] == ["quantized"]


def test_the_same_bytes_again(place, tmp_path):
    """And a folder that a killed run left is no obstacle."""
    made = []
    for name in ("once", "again"):
        (tmp_path / f".{name}.partial" / "half").mkdir(parents=True)
        status, said = quantize(place, tmp_path / name, "--format", "int8_smoothquant", expect=INT8)
        assert status == 0, said
        made.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert made[0] == made[1]
    with safe_open(tmp_path / "once" / "model.safetensors", "np") as weights:
        assert weights.get_slice(PROJECTION).get_dtype() == "I8"


def test_another_algorithm_than_expected_leaves_nothing(place, tmp_path):
    status, said = quantize(place, tmp_path / "quantized", "--format", "fp8", "--kv-cache", "fp8_cast")
    assert (status, said.splitlines()[-1]) == (1, "ModelOpt wrote kv_cache_quant_algo FP8, none was expected")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu(place, tmp_path):
    status, said = quantize(place, tmp_path / "quantized", "--format", "fp8", device="cuda")
    assert (status, said) == (3, "--device cuda: there is no GPU here that torch can use\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "fp7"), "--format fp7: unknown; known: fp8, "),
        (("--recipe", RECIPE + "fp7"), f"--recipe {RECIPE}fp7: "),
    ],
    ids=str,
)
def test_unknown_names(place, tmp_path, arguments, said):
    status, found = quantize(place, tmp_path / "quantized", *arguments)
    assert (status, found.splitlines()[-1].startswith(said)) == (1, True), found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"text": "a"}\n\n{"text": \n', "rows.jsonl:3: not JSON: "),
        ('{"text": "a"}\n{"question": "b"}\n', "rows.jsonl:2: needs `text` or `prompt` with some text, or `messages`"),
        ('{"text": "a"}\n"b"\n', "rows.jsonl:2: needs "),
        ('{"text": "a"}\n', "rows.jsonl: has 1 rows, 2 samples were asked for"),
        ('{"text": "a"}\n{"text": 1, "prompt": ""}\n', "rows.jsonl:2: needs "),
        ('{"text": "a"}\n{"messages": ["b"]}\n', "rows.jsonl:2: needs "),
        (None, "rows.jsonl: cannot be read: "),
    ],
    ids=str,
)
def test_rows_that_cannot_be_used(place, tmp_path, content, said):
    rows = tmp_path / "rows.jsonl"
    if content is not None:
        rows.write_text(content)
    status, found = quantize(place, tmp_path / "quantized", "--format", "fp8", rows=rows, samples=2)
    assert (status, found.splitlines()[-1].startswith(f"{tmp_path}/{said}")) == (1, True), found
    assert not (tmp_path / "quantized").exists()


def test_wrong_use(place, tmp_path):
    for more in ((), ("--format", "fp8", "--recipe", "x"), ("--recipe", "x", "--kv-cache", "fp8")):
        assert quantize(place, tmp_path / "quantized", *more)[0] == 2
    assert quantize(place, tmp_path / "quantized", "--format", "fp8", samples=0)[0] == 2
    (tmp_path / "kept").touch()
    status, said = quantize(place, tmp_path, "--format", "fp8")
    assert (status, said) == (1, f"{tmp_path}: exists already\n")
