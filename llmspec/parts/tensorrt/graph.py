"""Whether a graph can become a plan that Triton serves."""

from __future__ import annotations

from llmspec.catalog.releases import Known
from llmspec.parts.tensorrt.profiles import batch_axis, sequence_axis
from llmspec.plan.build import Tensor
from llmspec.plan.network import Network
from llmspec.report.code import Code
from llmspec.report.report import Report

NOT_A_GRAPH = Code(
    "LS372", "no-onnx-graph", "the lock knows no ONNX graph of `{model}`",
    why="Profiles, precision and the model repository follow from the graph's inputs and outputs.",
)  # fmt: skip
OPSET_TOO_NEW = Code(
    "LS376", "opset-too-new", "the graph has opset {opset}, and TensorRT {version} reads at most {highest}",
    why="The parser of a TensorRT release knows the operators of its time.",
)  # fmt: skip
NO_BATCH_AXIS = Code(
    "LS378", "no-batch-axis", "the inputs of the graph share no dynamic first axis",
    why="Dynamic batching joins requests along the first axis of every input; it must be one dynamic axis.",
)  # fmt: skip
UNKNOWN_TYPE = Code(
    "LS379", "tensor-type-not-served", "the tensor `{tensor}` of the graph is of `{dtype}`, which cannot be served",
    why="An input or output must have a type that both TensorRT and Triton pass on.",
)  # fmt: skip
NO_POOLING = Code(
    "LS371", "no-pooling", "no output of the graph is one vector for each text; `{output}` is {shape}",
    why="An export without pooling gives a vector for every token. It loads and answers, and every search with it is "
    "noise.",
)  # fmt: skip
NOT_TOKENS = Code(
    "LS380", "inputs-not-of-a-tokenizer", "a tokenizer does not give the input `{tensor}` of the graph",
    why="A tokenizer gives `input_ids`, `attention_mask` and `token_type_ids`, whole numbers of the shape batch × "
    "sequence.",
)  # fmt: skip
NO_TOKENIZER = Code(
    "LS356", "no-tokenizer-in-source", "the source has no `{path}`",
    why="SHA256SUMS lists what is downloaded. A tokenizer that is not in it is not there when the service starts.",
)  # fmt: skip

TYPES = {
    "int64": "TYPE_INT64",
    "int32": "TYPE_INT32",
    "float32": "TYPE_FP32",
    "float16": "TYPE_FP16",
    "bfloat16": "TYPE_BF16",
    "bool": "TYPE_BOOL",
}
"""Triton's name of a tensor's dtype. Source: triton-inference-server/common, protobuf/model_config.proto."""
TOKENS = ("input_ids", "attention_mask", "token_type_ids")
WHOLE = ("int64", "int32")
VECTORS = 2
"""Axes of an output that has one vector for each text."""


def check_graph(network: Network, known: Known, tokenizer: str | None, report: Report) -> None:
    """Say what of the graph does not go with this TensorRT, with Triton, or with what the network is for."""
    facts, at = network.facts, (*network.at, "metadata")
    highest = int(known.release.pins.get("opset", facts.opset))  # not every release is known to have said
    if facts.opset > highest:
        hint = f"export it with opset {highest} or less"
        report.say(OPSET_TOO_NEW, at, opset=facts.opset, version=known.version, highest=highest, help=hint)
    for tensor in (*facts.inputs, *facts.outputs):
        if tensor.dtype not in TYPES:
            report.say(UNKNOWN_TYPE, at, tensor=tensor.name, dtype=tensor.dtype, help=f"it can be {', '.join(TYPES)}")
    if batch_axis(facts) is None:
        report.say(NO_BATCH_AXIS, at, help="export it with a dynamic batch axis")
    if network.task == "embed" and all(len(each.shape) != VECTORS for each in facts.outputs):
        _say_no_pooling(network, report)
    if tokenizer:
        _check_tokenizer(network, tokenizer, report)


def _say_no_pooling(network: Network, report: Report) -> None:
    output = network.facts.outputs[0]
    shape = " × ".join(str(axis) for axis in output.shape)
    hint = "export it with pooling in the graph, mean or CLS as the model was trained"
    report.say(NO_POOLING, (*network.at, "metadata"), output=output.name, shape=shape, help=hint)


def _check_tokenizer(network: Network, path: str, report: Report) -> None:
    at = (*network.at, "engine", "tokenizer")
    for tensor in network.facts.inputs:
        if not _is_tokens(tensor) or sequence_axis(network.facts) is None:
            also = [((*network.at, "metadata"), "its graph")]
            report.say(NOT_TOKENS, at, tensor=tensor.name, also=also, help="remove `tokenizer`, and send tensors")
    if network.facts.files and path not in network.facts.files:
        near = next((each for each in sorted(network.facts.files) if each.endswith("tokenizer.json")), None)
        hint = f"write `tokenizer: {near}`" if near else f"put `{path}` beside the graph, and its line into SHA256SUMS"
        report.say(NO_TOKENIZER, at, path=path, help=hint)


def _is_tokens(tensor: Tensor) -> bool:
    return tensor.name in TOKENS and tensor.dtype in WHOLE and len(tensor.shape) == VECTORS
