"""templates/engine/export_onnx.py: real all-MiniLM-L6-v2, and small random models for what it is not.

run.sh makes the environment.
"""

import json

import pytest

REASON = "tests/engines/modelopt/run.sh runs it"
pytest.importorskip("modelopt", reason=REASON)
np = pytest.importorskip("numpy", reason=REASON)
onnx = pytest.importorskip("onnx", reason=REASON)
onnxruntime = pytest.importorskip("onnxruntime", reason=REASON)
torch = pytest.importorskip("torch", reason=REASON)
transformers = pytest.importorskip("transformers", reason=REASON)

import test_graph  # noqa: E402
from commands import SCRIPTS, run, script  # noqa: E402

pytestmark = pytest.mark.engines

checkpoint, source, feed, truth = test_graph.checkpoint, test_graph.source, test_graph.feed, test_graph.truth
NAMES = test_graph.INPUTS
SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "max_position_embeddings": 64,
}
EMBED = ("--task", "embed", "--pooling", "mean")


def export(model, output, *more, opset=20):
    return script("export_onnx.py", "--model", model, "--output", output, "--opset", opset, *more)


def export_with(constant, *arguments):
    """With this constant of the script being 0."""
    code = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import export_onnx as e; e.{constant} = 0; e.main()"
    return run("python3", "-c", code, *arguments)


def made(kind, folder, **config):
    """A random model of the kind, in `folder` and in memory."""
    torch.manual_seed(0)
    model = kind(kind.config_class(**SMALL, **config)).eval()
    model.save_pretrained(folder)
    return model


def rows(*masks):
    """Random tokens under these masks, as torch and as onnxruntime want them."""
    mask = torch.tensor(masks)
    torch.manual_seed(1)
    parts = (torch.randint(1, 100, mask.shape) * mask, mask, torch.randint(0, 2, mask.shape))
    tensors = dict(zip(NAMES, parts, strict=True))
    return tensors, {name: each.numpy() for name, each in tensors.items()}


def shapes(values):
    kinds = {each.name: each.type.tensor_type for each in values}
    return {
        name: (kind.elem_type, *(axis.dim_param or axis.dim_value for axis in kind.shape.dim))
        for name, kind in kinds.items()
    }


def test_real_embedder(tmp_path, checkpoint, feed, truth):
    """The vectors of the graph that specs/support-assistant has, which was made by hand."""
    output = tmp_path / "model.onnx"
    status, said = export(checkpoint, output, *EMBED, "--normalize")
    assert status == 0, said
    lines = said.splitlines()
    assert lines[:2] == [f"loading {checkpoint}", "exporting BertModel with opset 20"]
    assert [line.partition(": ")[0] for line in lines[2:4]] == [
        "compared with torch at 1 x 5 tokens",
        "compared with torch at 3 x 16 tokens",
    ]
    size = output.stat().st_size
    assert lines[4:] == [f"{output}: embed, mean, normalized; {', '.join(NAMES)}; {size} bytes"]
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]

    onnx.checker.check_model(str(output), full_check=True)
    model = onnx.load(output)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 20)]
    assert shapes(model.graph.input) == dict.fromkeys(NAMES, (onnx.TensorProto.INT64, "batch", "sequence"))
    assert shapes(model.graph.output) == {"sentence_embedding": (onnx.TensorProto.FLOAT, "batch", 384)}
    assert not [node for node in model.graph.node if node.metadata_props], "traces of this machine"
    weights = {each.name for each in model.graph.initializer}
    assert {each.name for each in model.graph.value_info} <= weights, "shapes that AutoCast spoils"

    found = test_graph.embed(output, feed)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert float((found * truth).sum(1).min()) > 0.9999
    assert np.isfinite(test_graph.embed(output, {**feed, "attention_mask": feed["attention_mask"] * 0})).all()

    test_graph.steps(tmp_path, ("ln", "-s", ".", "source"), test_graph.AUTOCAST)
    assert test_graph.closeness(tmp_path / "typed.onnx", feed, truth) > 0.999


@pytest.mark.parametrize(("task", "labels", "opset"), [("classify", 3, 18), ("rerank", 1, 20)])
def test_scores(tmp_path, task, labels, opset):
    model = made(transformers.BertForSequenceClassification, tmp_path / "bert", num_labels=labels)
    output = tmp_path / "scores.onnx"
    status, said = export(tmp_path / "bert", output, "--task", task, opset=opset)
    assert status == 0, said
    graph = onnx.load(output)
    assert [(each.domain, each.version) for each in graph.opset_import] == [("", opset)]
    assert shapes(graph.graph.output) == {"logits": (onnx.TensorProto.FLOAT, "batch", labels)}
    tensors, arrays = rows([1] * 9, [1] * 4 + [0] * 5)
    with torch.no_grad():
        expected = model(**tensors).logits.numpy()
    assert np.abs(test_graph.embed(output, arrays) - expected).max() < 1e-5


def test_cls_and_weights_beside(tmp_path):
    """RoBERTa has one type of token, so the graph does not ask for it. Large weights lie in a file of their own."""
    model = made(transformers.RobertaModel, tmp_path / "roberta", type_vocab_size=1)
    output = tmp_path / "new" / "model.onnx"
    arguments = ("--model", tmp_path / "roberta", "--output", output, "--task", "embed", "--pooling", "cls")
    status, said = export_with("EXTERNAL_ABOVE", *arguments, "--opset", 20)
    assert status == 0, said
    assert sorted(path.name for path in output.parent.iterdir()) == ["model.onnx", "model.onnx.data"]
    assert output.stat().st_size < output.with_name("model.onnx.data").stat().st_size
    assert list(shapes(onnx.load(output).graph.input)) == ["input_ids", "attention_mask"]
    tensors, arrays = rows([1] * 7, [1] * 3 + [0] * 4)
    with torch.no_grad():
        hidden = model(tensors["input_ids"], tensors["attention_mask"]).last_hidden_state
    found = test_graph.embed(output, {name: arrays[name] for name in NAMES[:2]})
    assert np.abs(found - hidden[:, 0].numpy()).max() < 1e-5


def test_last(tmp_path):
    """Of a model that looks back only, whichever side is padded; without a padding token, and without token types."""
    model = made(transformers.Qwen3Model, tmp_path / "qwen3", num_key_value_heads=2, head_dim=8)
    output = tmp_path / "model.onnx"
    status, said = export(tmp_path / "qwen3", output, "--task", "embed", "--pooling", "last", "--normalize")
    assert status == 0, said
    tensors, arrays = rows([1] * 6, [1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1])
    with torch.no_grad():
        hidden = model(tensors["input_ids"], tensors["attention_mask"]).last_hidden_state
    expected = torch.nn.functional.normalize(torch.stack([hidden[0, 5], hidden[1, 2], hidden[2, 5]]), dim=1)
    found = test_graph.embed(output, {name: arrays[name] for name in NAMES[:2]})
    assert np.abs(found - expected.numpy()).max() < 1e-5


def without_weights(folder):
    (folder / "model.safetensors").unlink()
    return EMBED, "cannot be loaded: "


def pickled(folder):
    torch.save({}, folder / "pytorch_model.bin")
    return without_weights(folder)


def half(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    return EMBED, "cannot be loaded: "


def embedder(folder):  # noqa: ARG001
    told = "has no weights of classifier.bias, so it is no BertForSequenceClassification\n"
    return ("--task", "rerank"), told


def without_types(folder):
    """transformers takes two for granted, and the compiler none."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    del config["type_vocab_size"]
    (folder / "config.json").write_text(json.dumps(config))
    return EMBED, "says no type_vocab_size, and the model has 2\n"


def without_config(folder):
    (folder / "config.json").unlink()
    return EMBED, "has no config.json\n"


@pytest.mark.parametrize("broken", [pickled, half, embedder, without_types, without_config])
def test_wrong_checkpoint(tmp_path, broken):
    made(transformers.BertModel, tmp_path / "bert")
    arguments, told = broken(tmp_path / "bert")
    status, said = export(tmp_path / "bert", tmp_path / "model.onnx", *arguments)
    assert status == 1, said
    problems = [line for line in said.splitlines() if not line.startswith("loading ")]
    assert len(problems) == 1, said
    assert told.strip() in problems[0]
    assert problems[0].startswith(f"{tmp_path}/bert")
    assert [path.name for path in tmp_path.iterdir()] == ["bert"]


def test_a_graph_that_differs_from_torch_is_not_kept(tmp_path):
    """And what a killed run left is swept away."""
    made(transformers.BertModel, tmp_path / "bert")
    (tmp_path / ".model.onnx.partial" / "half").mkdir(parents=True)
    arguments = ("--model", tmp_path / "bert", "--output", tmp_path / "model.onnx", "--opset", 20, *EMBED)
    status, said = export_with("TOLERANCE", *arguments)
    assert (status, said.splitlines()[-1].startswith("the graph and torch differ by ")) == (1, True), said
    assert [path.name for path in tmp_path.iterdir()] == ["bert"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--task", "embed"), "--task embed needs --pooling"),
        (("--task", "rerank", "--normalize"), "--pooling and --normalize do not go with --task rerank"),
        ((*EMBED, "--opset", "17"), "--opset must be at least 18"),
    ],
    ids=str,
)
def test_wrong_use(tmp_path, arguments, told):
    status, said = export(tmp_path, tmp_path / "model.onnx", *arguments)
    assert (status, told in said) == (2, True), said
