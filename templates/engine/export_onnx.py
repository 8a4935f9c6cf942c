"""Write the ONNX graph of a Hugging Face checkpoint: an embedder with its pooling, a reranker, a classifier.

    export_onnx.py --model DIR --output FILE.onnx --task embed --pooling mean --normalize --opset 20
    export_onnx.py --model DIR --output FILE.onnx --task rerank --opset 20

In: `input_ids`, `attention_mask`, and `token_type_ids` if `type_vocab_size` in config.json is above 1; int64,
[batch, sequence]. Out: `sentence_embedding`, float32, [batch, hidden], or `logits`, float32, [batch, labels]. Weights
above 1.5 GB lie beside the graph, in FILE.onnx.data. The graph is there complete and computes what torch does, or it is
not there.

Exit status: 0 done, 1 failed, 2 wrong use.
"""
# ruff: noqa: BLE001, E402, INP001, T201

import argparse
import inspect
import json
import logging
import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any, NoReturn

# Before the libraries are imported: nothing is fetched.
os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
# What they warn of is checked here, or no business of who exports.
logging.disable(logging.WARNING)
warnings.simplefilter("ignore")

import onnx
import onnxruntime
import torch
import transformers

EXTERNAL_ABOVE = 1_500_000_000
"""Bytes of weights. A file of protobuf ends at 2 GiB, and a later step may add to it."""
TOLERANCE = 1e-3
SAMPLE = (2, 8)
SIZES = ((1, 5), (3, 16))
"""Batch and sequence at which the graph is compared with torch; neither is that of the sample."""


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str) -> NoReturn:
    print(" ".join(text.split()), file=sys.stderr)
    sys.exit(1)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0], allow_abbrev=False)
    parser.add_argument("--model", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--output", type=Path, required=True, help="the graph")
    parser.add_argument("--task", choices=("embed", "rerank", "classify"), required=True)
    parser.add_argument("--pooling", choices=("mean", "cls", "last"), help="with embed: what makes one vector of all")
    parser.add_argument("--normalize", action="store_true", help="with embed: vectors of length 1")
    parser.add_argument("--opset", type=int, required=True, help="18 or more")
    parser.add_argument("--trust-remote-code", action="store_true", help="run code that lies in the checkpoint")
    chosen = parser.parse_args()
    if chosen.task == "embed" and not chosen.pooling:
        parser.error("--task embed needs --pooling")
    if chosen.task != "embed" and (chosen.pooling or chosen.normalize):
        parser.error(f"--pooling and --normalize do not go with --task {chosen.task}")
    if chosen.opset < 18:  # noqa: PLR2004 - the exporter writes no older one
        parser.error("--opset must be at least 18")
    return chosen


class Embedder(torch.nn.Module):
    """One vector for each text, in float32."""

    def __init__(self, model: torch.nn.Module, pooling: str, *, is_normalized: bool) -> None:
        super().__init__()
        self.model, self.pool, self.is_normalized = model, POOLINGS[pooling], is_normalized

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        tokens = self.model(**dict(zip(NAMES, inputs, strict=False))).last_hidden_state
        vector = self.pool(tokens.float(), inputs[1])
        # The least divisor is one that float16 has, too.
        return torch.nn.functional.normalize(vector, dim=1, eps=1e-6) if self.is_normalized else vector


def mean(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Of the tokens that the mask admits; zeros where it admits none."""
    weight = mask.unsqueeze(2).float()
    return (tokens * weight).sum(1) / weight.sum(1).clamp(min=1.0)


def cls(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
    return tokens[:, 0]


def last(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The last token that the mask admits, on whichever side the text is padded."""
    place = (mask * torch.arange(mask.shape[1])).amax(1)
    return tokens.gather(1, place.view(-1, 1, 1).expand(-1, 1, tokens.shape[2])).squeeze(1)


POOLINGS = {"mean": mean, "cls": cls, "last": last}
NAMES = ("input_ids", "attention_mask", "token_type_ids")


class Classifier(torch.nn.Module):
    """The scores of each text."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.model(**dict(zip(NAMES, inputs, strict=False))).logits.float()


def load(chosen: argparse.Namespace) -> Any:
    """The model in float32, with every weight from the checkpoint."""
    transformers.utils.logging.disable_progress_bar()
    kind = transformers.AutoModel if chosen.task == "embed" else transformers.AutoModelForSequenceClassification
    try:
        model, info = kind.from_pretrained(
            chosen.model,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=chosen.trust_remote_code,
            attn_implementation="eager",  # plain products and a softmax, as optimizers look for them
            output_loading_info=True,
        )
    except Exception as problem:  # a broken checkpoint shows in many ways
        fail(f"{chosen.model}: cannot be loaded: {problem}")
    # A pooler that was trained for something else is often left out; no pooling here uses it.
    absent = sorted(name for name in info["missing_keys"] if chosen.task != "embed" or "pooler." not in name)
    if absent:
        fail(f"{chosen.model}: has no weights of {absent[0]}, so it is no {type(model).__name__}")
    model.config.use_cache = False
    return model.eval()


def inputs_of(model: Any, folder: Path) -> tuple[str, ...]:
    """By config.json alone, from which others foretell the inputs of the graph."""
    written = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("type_vocab_size") or 0
    if written <= 1 < (getattr(model.config, "type_vocab_size", 0) or 0):
        fail(f"{folder}/config.json: says no type_vocab_size, and the model has {model.config.type_vocab_size}")
    names = NAMES if written > 1 else NAMES[:2]
    for name in names:
        if name not in inspect.signature(model.forward).parameters:
            fail(f"{folder}: {type(model).__name__} takes no {name}")
    return names


def random_inputs(size: tuple[int, int], names: tuple[str, ...], model: Any) -> tuple[torch.Tensor, ...]:
    """Texts of any length up to the sequence's, one of them as long as it."""
    batch, sequence = size
    lengths = torch.randint(1, sequence + 1, (batch, 1))
    lengths[0] = sequence
    ids = torch.randint(0, model.get_input_embeddings().num_embeddings, size)
    mask = (torch.arange(sequence) < lengths).long()
    if (pad := getattr(model.config, "pad_token_id", None)) is not None:
        ids = torch.where(mask == 1, ids, pad)
    types = torch.randint(0, 2, size)
    return (ids, mask, types)[: len(names)]


def export(module: Any, sample: tuple[torch.Tensor, ...], names: tuple[str, ...], path: Path, opset: int) -> None:
    output = "logits" if isinstance(module, Classifier) else "sentence_embedding"
    program = torch.onnx.export(
        module,
        sample,
        input_names=names,
        output_names=[output],
        opset_version=opset,
        dynamic_shapes={"inputs": tuple({0: "batch", 1: "sequence"} for _ in names)},
        dynamo=True,
        verbose=False,
    )
    graph = program.model.graph
    for each in (graph, *graph.all_nodes()):
        each.metadata_props.clear()  # traces of this machine's files
    for value in (value for node in graph.all_nodes() for value in node.outputs if not value.is_graph_output()):
        value.shape = value.type = None  # hints; ModelOpt 0.47.0 makes wrong ones of them in its AutoCast
    weights = sum(each.const_value.nbytes for each in graph.initializers.values())
    program.save(path, external_data=weights > EXTERNAL_ABOVE)


def check(path: Path, names: tuple[str, ...], opset: int) -> None:
    """What is promised of inputs and output holds."""
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(path, load_external_data=False)
    found = {each.name: shape_of(each) for each in model.graph.input}
    if found != dict.fromkeys(names, (onnx.TensorProto.INT64, "batch", "sequence")):
        fail(f"the graph has other inputs than {', '.join(names)} of batch and sequence: {found}")
    kind, batch, *rest = shape_of(model.graph.output[0])
    if (kind, batch, len(rest)) != (onnx.TensorProto.FLOAT, "batch", 1) or not isinstance(rest[0], int):
        fail(f"the output of the graph has the shape {batch}, {rest}")
    if [(each.domain, each.version) for each in model.opset_import] != [("", opset)]:
        fail(f"opset {opset} was asked for, and the exporter wrote {model.opset_import}")


def shape_of(value: Any) -> tuple[int | str, ...]:
    """The type and the axes."""
    tensor = value.type.tensor_type
    return tensor.elem_type, *(each.dim_param or each.dim_value for each in tensor.shape.dim)


def verify(path: Path, module: Any, names: tuple[str, ...]) -> None:
    """The graph computes what torch computes."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for size in SIZES:
        inputs = random_inputs(size, names, module.model)
        with torch.no_grad():
            expected = module(*inputs)
        feed = {name: each.numpy() for name, each in zip(names, inputs, strict=True)}
        found = torch.from_numpy(session.run(None, feed)[0])
        if found.shape != expected.shape:
            fail(f"the graph gives {list(found.shape)} for {list(size)} tokens, and torch {list(expected.shape)}")
        apart = float((found - expected).abs().max())
        if not apart < TOLERANCE:  # it may be no number at all
            fail(f"the graph and torch differ by {apart:.2g} for {list(size)} tokens, {TOLERANCE} is allowed")
        say(f"compared with torch at {size[0]} x {size[1]} tokens: they differ by {apart:.1e} at most")


def write(module: Any, names: tuple[str, ...], chosen: argparse.Namespace) -> int:
    """The bytes of the files, which take their names only when all is well."""
    partial = chosen.output.with_name(f".{chosen.output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
    partial.mkdir(parents=True)
    graph = partial / chosen.output.name
    try:
        with torch.no_grad():
            export(module, random_inputs(SAMPLE, names, module.model), names, graph, chosen.opset)
        check(graph, names, chosen.opset)
        verify(graph, module, names)
        files = sorted(partial.iterdir(), reverse=True)  # the weights, then the graph
        size = sum(file.stat().st_size for file in files)
        for file in files:
            file.replace(chosen.output.with_name(file.name))
    except Exception as problem:  # there are many ways in which a model is beyond an exporter
        fail(f"{chosen.model}: cannot be exported: {type(problem).__name__}: {str(problem)[:400]}")
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return size


def main() -> None:
    chosen = options()
    if not (chosen.model / "config.json").is_file():
        fail(f"{chosen.model}: has no config.json")
    torch.manual_seed(0)
    say(f"loading {chosen.model}")
    model = load(chosen)
    names = inputs_of(model, chosen.model)
    is_embedder = chosen.task == "embed"
    module = Embedder(model, chosen.pooling, is_normalized=chosen.normalize) if is_embedder else Classifier(model)
    module.eval()
    say(f"exporting {type(model).__name__} with opset {chosen.opset}")
    size = write(module, names, chosen)
    parts = ", ".join((chosen.task, *filter(None, [chosen.pooling]), *["normalized"] * chosen.normalize))
    say(f"{chosen.output}: {parts}; {', '.join(names)}; {size} bytes")


if __name__ == "__main__":
    main()
