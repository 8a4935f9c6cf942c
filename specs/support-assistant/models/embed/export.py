"""Write sentence-transformers/all-MiniLM-L6-v2 as ONNX: model.onnx (the graph), model.onnx.data (its weights), and the
checkpoint's tokenizer.json beside them.

    python export.py CHECKPOINT_FOLDER

The folder holds the published `model.safetensors` and `tokenizer.json`. The graph follows from `config.json` beside
this script alone, so it can be reviewed, and compared byte for byte, without the weights. Mean pooling and L2
normalisation are part of it: the output is what cosine similarity is computed on. Needs numpy and onnx; safetensors for
the weights.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

HERE = Path(__file__).parent
GRAPH, DATA, TOKENIZER, SUMS = "model.onnx", "model.onnx.data", "tokenizer.json", "SHA256SUMS"
CHECKPOINT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
OPSET, IR = 20, 10
# What a masked position adds to its score. Zero after softmax, yet finite in float16.
MASKED = -10_000.0
Shape = tuple[int, ...]


class Graph:
    """Nodes and weights in the order in which they are added. A weight is a name, a shape and a place in DATA."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: dict[str, TensorProto] = {}
        self.size = 0

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: Any, dtype: type = np.int64) -> str:
        return self.add("Constant", [], name, value=numpy_helper.from_array(np.array(value, dtype)))

    def weight(self, name: str, shape: Shape) -> str:
        length = 4 * math.prod(shape)
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", DATA), ("offset", self.size), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        self.weights[name] = tensor
        self.size += length
        return name

    def dense(self, x: str, prefix: str, shape: Shape) -> str:
        """x·W + b. `shape` is (inputs, outputs): the checkpoint's matrix transposed, which is what MatMul wants."""
        product = self.add("MatMul", [x, self.weight(f"{prefix}.weight", shape)], f"{prefix}/matmul")
        return self.add("Add", [product, self.weight(f"{prefix}.bias", shape[1:])], f"{prefix}/out")

    def norm(self, x: str, prefix: str, config: dict[str, Any]) -> str:
        names = [self.weight(f"{prefix}.{part}", (config["hidden_size"],)) for part in ("weight", "bias")]
        return self.add("LayerNormalization", [x, *names], f"{prefix}/out", axis=-1, epsilon=config["layer_norm_eps"])


def embed(g: Graph, config: dict[str, Any]) -> str:
    """Word, position and token-type embeddings, summed and normalised: [batch, sequence, hidden]."""
    hidden = config["hidden_size"]
    tables = {"word": "vocab_size", "position": "max_position_embeddings", "token_type": "type_vocab_size"}
    table = {k: g.weight(f"embeddings.{k}_embeddings.weight", (config[size], hidden)) for k, size in tables.items()}
    words = g.add("Gather", [table["word"], "input_ids"], "embeddings/words")
    types = g.add("Gather", [table["token_type"], "token_type_ids"], "embeddings/types")
    length = g.add("Shape", ["input_ids"], "embeddings/length", start=1, end=2)
    positions = g.add("Slice", [table["position"], g.constant("zero", [0]), length], "embeddings/positions")
    both = g.add("Add", [words, types], "embeddings/words_types")
    return g.norm(g.add("Add", [both, positions], "embeddings/sum"), "embeddings.LayerNorm", config)


def bias_of(g: Graph) -> str:
    """What the mask adds to the scores: [batch, 1, 1, sequence], 0 where there is a token, MASKED where not."""
    mask = g.add("Cast", ["attention_mask"], "mask/float", to=TensorProto.FLOAT)
    wide = g.add("Unsqueeze", [mask, g.constant("mask/axes", [1, 2])], "mask/wide")
    absent = g.add("Sub", [g.constant("one", 1, np.float32), wide], "mask/absent")
    return g.add("Mul", [absent, g.constant("mask/masked", MASKED, np.float32)], "mask/bias")


def attention(g: Graph, x: str, bias: str, at: str, config: dict[str, Any]) -> str:
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    # Queries and values as [batch, head, sequence, size]; keys with the last two exchanged.
    order = {"query": [0, 2, 1, 3], "key": [0, 2, 3, 1], "value": [0, 2, 1, 3]}
    part = {}
    for name, perm in order.items():
        flat = g.dense(x, f"{at}.self.{name}", (hidden, hidden))
        split = g.add("Reshape", [flat, "split"], f"{at}.self.{name}/split")
        part[name] = g.add("Transpose", [split], f"{at}.self.{name}/heads", perm=perm)
    scores = g.add("MatMul", [part["query"], part["key"]], f"{at}/scores")
    scaled = g.add("Mul", [scores, "scale"], f"{at}/scaled")
    weights = g.add("Softmax", [g.add("Add", [scaled, bias], f"{at}/biased")], f"{at}/weights", axis=-1)
    mixed = g.add("MatMul", [weights, part["value"]], f"{at}/mixed")
    turned = g.add("Transpose", [mixed], f"{at}/turned", perm=[0, 2, 1, 3])
    joined = g.add("Reshape", [turned, "join"], f"{at}/joined")
    return g.dense(joined, f"{at}.output.dense", (heads * (hidden // heads), hidden))


def layer(g: Graph, x: str, bias: str, at: str, config: dict[str, Any]) -> str:
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    seen = g.add("Add", [attention(g, x, bias, f"{at}.attention", config), x], f"{at}.attention/residual")
    x = g.norm(seen, f"{at}.attention.output.LayerNorm", config)
    wide = g.add("Gelu", [g.dense(x, f"{at}.intermediate.dense", (hidden, inner))], f"{at}.intermediate/gelu")
    narrow = g.dense(wide, f"{at}.output.dense", (inner, hidden))
    return g.norm(g.add("Add", [narrow, x], f"{at}/residual"), f"{at}.output.LayerNorm", config)


def pool(g: Graph, x: str) -> None:
    """The mean over the tokens that the mask admits, then length 1: [batch, hidden]."""
    column = g.add("Unsqueeze", ["mask/float", g.constant("pool/last", [2])], "pool/column")
    axis = g.constant("pool/sequence", [1])
    total = g.add("ReduceSum", [g.add("Mul", [x, column], "pool/kept"), axis], "pool/total", keepdims=0)
    tokens = g.add("ReduceSum", [column, axis], "pool/tokens", keepdims=0)
    # A row without any token, as padding a batch makes, gives zeros, not NaN.
    count = g.add("Max", [tokens, "one"], "pool/count")
    mean = g.add("Div", [total, count], "pool/mean")
    norm = g.add("ReduceL2", [mean, axis], "pool/norm", keepdims=1)
    safe = g.add("Max", [norm, g.constant("pool/least", 1e-6, np.float32)], "pool/safe")
    g.add("Div", [mean, safe], "sentence_embedding")


def build(config: dict[str, Any]) -> ModelProto:
    """The graph that `config` describes, its weights referred to by their place in DATA."""
    g, heads = Graph(), config["num_attention_heads"]
    size = config["hidden_size"] // heads
    g.constant("split", [0, 0, heads, size])
    g.constant("join", [0, 0, heads * size])
    g.constant("scale", 1 / math.sqrt(size), np.float32)
    x, bias = embed(g, config), bias_of(g)
    for index in range(config["num_hidden_layers"]):
        x = layer(g, x, bias, f"encoder.layer.{index}", config)
    pool(g, x)
    ids = [value(n, TensorProto.INT64, "sequence") for n in ("input_ids", "attention_mask", "token_type_ids")]
    output = value("sentence_embedding", TensorProto.FLOAT, config["hidden_size"])
    graph = helper.make_graph(g.nodes, "all-MiniLM-L6-v2", ids, [output], list(g.weights.values()))
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, ir_version=IR, opset_imports=opset, producer_name="models/embed/export.py")


def value(name: str, dtype: int, last: str | int) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, ["batch", last])


def write_weights(model: ModelProto, checkpoint: Path) -> None:
    """DATA: the checkpoint's tensors one after the other, matrices of dense layers transposed."""
    from safetensors.numpy import load  # noqa: PLC0415  (the graph alone needs no weights)

    tensors = load(published(checkpoint / "model.safetensors", CHECKPOINT_SHA256))
    with (HERE / DATA).open("wb") as file:
        for weight in model.graph.initializer:
            turned = weight.name.startswith("encoder.") and len(weight.dims) == 2  # noqa: PLR2004
            array = tensors[weight.name].T if turned else tensors[weight.name]
            if array.shape != tuple(weight.dims):
                sys.exit(f"{weight.name} is {array.shape}, and config.json says {tuple(weight.dims)}")
            file.write(np.ascontiguousarray(array, "<f4").tobytes())


def published(path: Path, digest: str) -> bytes:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        sys.exit(f"{path} is not the published one")
    return content


def main(checkpoint: Path) -> None:
    model = build(json.loads((HERE / "config.json").read_text()))
    write_weights(model, checkpoint)
    (HERE / GRAPH).write_bytes(model.SerializeToString(deterministic=True))
    checker.check_model(HERE / GRAPH, full_check=True)
    (HERE / TOKENIZER).write_bytes(published(checkpoint / TOKENIZER, TOKENIZER_SHA256))
    files = (GRAPH, DATA, TOKENIZER)
    sums = (f"{hashlib.sha256((HERE / name).read_bytes()).hexdigest()}  {name}\n" for name in files)
    (HERE / SUMS).write_text("".join(sums))
    print((HERE / SUMS).read_text(), end="")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
