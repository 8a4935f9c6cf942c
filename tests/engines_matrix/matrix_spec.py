"""One model as a spec and a lock, compiled without a disk: what an engine is asked, and where each key stands."""

from hashlib import sha256

import yaml
from msgspec import Struct

from llmspec.artifacts.folder import Digest, Unreadable
from llmspec.catalog.releases import engines, table
from llmspec.compiler import compile as compile_spec
from llmspec.lock.references import FETCH_BASE, quantizer_image
from llmspec.report.place import Source
from llmspec.report.report import Failed, Report

REVISION = "c1899de289a04d12100db370d81485cdf75e47ca"
URI = "hf://acme/model"
GIB = 2**30
ROWS = '{"text": "How do I move my contract?"}\n' * 8
WHERE = "calibration.jsonl"

DENSE = {
    "architecture": "phi3", "parameters": 7 * 10**8, "weightBytes": 14 * 10**8, "dtype": "bfloat16", "layers": 28,
    "hiddenSize": 1024, "attentionHeads": 16, "kvHeads": 8, "headSize": 64, "vocabulary": 32000,
    "longestContext": 32768,
}  # fmt: skip
MIXTURE = DENSE | {"architecture": "qwen3_moe", "experts": 8, "attentionHeads": 32, "kvHeads": 4}
LARGE = DENSE | {"parameters": 35 * 10**9, "weightBytes": 70 * 10**9, "attentionHeads": 64, "kvHeads": 8}
SHAPES = {"dense": DENSE, "mixture": MIXTURE, "large": LARGE}
CHECKPOINTS = {
    "unquantized": {},
    "fp8 of ModelOpt": {"quantization": "fp8", "quantizer": "modelopt"},
    "fp8 of ModelOpt with scales": {"quantization": "fp8", "quantizer": "modelopt", "kvScales": "fp8"},
    "fp8 of compressed-tensors": {"quantization": "fp8", "quantizer": "compressed-tensors"},
    "fp8 of compressed-tensors with scales": {
        "quantization": "fp8", "quantizer": "compressed-tensors", "kvScales": "fp8",
    },
    "awq": {"quantization": "int4-awq", "quantizer": "awq"},
    "gptq": {"quantization": "gptq", "quantizer": "gptq"},
    "mxfp4": {"quantization": "mxfp4", "quantizer": "mxfp4"},
    "nvfp4 of ModelOpt": {"quantization": "nvfp4", "quantizer": "modelopt"},
    "nvfp4 of ModelOpt with scales": {"quantization": "nvfp4", "quantizer": "modelopt", "kvScales": "fp8"},
    "a format without a word of ours": {"quantization": "hqq", "quantizer": "hqq"},
}  # fmt: skip
"""What the lock says of a checkpoint, by what it is."""


def tensor(name, dtype, *shape):
    return {"name": name, "dtype": dtype, "shape": list(shape)}


TOKENS = [tensor(name, "int64", "batch", "sequence") for name in ("input_ids", "attention_mask")]
SMALL = {"architecture": "onnx", "parameters": 11 * 10**6, "weightBytes": 46 * 10**6, "opset": 20}
GRAPHS = {
    "a pooled embedder": {"inputs": TOKENS, "outputs": [tensor("sentence_embedding", "float32", "batch", 384)]},
    "an embedder without pooling": {
        "inputs": TOKENS, "outputs": [tensor("last_hidden_state", "float32", "batch", "sequence", 384)],
    },
    "a classifier": {"inputs": TOKENS, "outputs": [tensor("logits", "float32", "batch", 3)]},
    "an encoder of pictures": {
        "inputs": [tensor("pixels", "float32", "batch", 3, 224, 224)],
        "outputs": [tensor("vector", "float16", "batch", 512)],
    },
    "a graph of opset 28": {
        "inputs": TOKENS, "outputs": [tensor("sentence_embedding", "float32", "batch", 384)], "opset": 28,
    },
}  # fmt: skip

IMAGES = sorted(
    {FETCH_BASE, quantizer_image()}
    | {image for engine in engines() for row in table(engine).releases.values() for image in row.images.values()}
)
"""Every image that a model can stand on, but those of releases that the catalogue lacks."""


def digest_of(text):
    return sha256(text.encode()).hexdigest()


def lock_of(facts, images):
    """A lock in which everything is pinned; `images` are those of no known release."""
    rows = digest_of(ROWS)
    return {
        "version": 1,
        "files": {
            "chat": {"sha256": digest_of("chat"), "size": 4, "files": 1},
            WHERE: {"sha256": rows, "size": len(ROWS)},
        },
        "images": {image: f"sha256:{digest_of(image)}" for image in (*IMAGES, *images)},
        "models": {f"{URI}@{REVISION}": facts},
    }


class Stand:
    """A folder that has a lock, the texts to calibrate with, and a model's metadata; nothing lies on a disk."""

    def __init__(self, lock):
        self.lock, self.seen = lock, set()

    def shown(self, path):
        return path

    def read(self, path):
        if path == "llm.lock":
            return yaml.dump(self.lock, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)).encode()
        if path == WHERE:
            return ROWS.encode()
        raise Unreadable("it does not exist")

    def digest(self, path, without=()):  # noqa: ARG002 - as a folder has it
        row = self.lock["files"].get(path)
        if row is None:
            raise Unreadable("it does not exist")
        return Digest(row["sha256"], row["size"], row.get("files", 0))


class Said(Struct, frozen=True):
    """What came of a spec: path → text, or the errors; the warnings in either case. Each finding as a row."""

    files: dict
    errors: tuple
    warnings: tuple


def outcome(text, lock):
    """Never both, never neither, and never an exception: what is not `Failed` is passed on."""
    source = Source("llm.yaml", text)
    report, files = Report(source), {}
    try:
        tree = compile_spec(source, Stand(lock), report).tree
        files = {file.path: file.content.decode() for file in tree.files}
    except Failed:
        pass
    rows = report.diagnostics()
    errors = tuple(row for row in rows if row.severity == "error")
    assert bool(files) != bool(errors), f"{len(files)} files and {len(errors)} errors"
    return Said(files, errors, tuple(row for row in rows if row.severity != "error"))


def spec_of(model, others=()):
    """llm.yaml with one model, a key a line, and the lines of the model: line → path of its key."""
    body = {"name": "chat", "uri": URI, "revision": REVISION, "metadata": "chat", **model}
    rows = [
        ("apiVersion: llmspec.dev/v1alpha1", ""), ("kind: LLMService", ""), ("metadata: {name: one}", ""),
        ("serving: {registry: ghcr.io/acme, cache: {kind: pvc}}", ""), *((each, "") for each in others),
        ("models:", ""), *listed(body),
    ]  # fmt: skip
    lines = {number: path for number, (_, path) in enumerate(rows, 1) if path}
    return "".join(f"{text}\n" for text, _ in rows), lines


def listed(body):
    rows = [(f"    {text}", path) for text, path in written(body, ())]
    first, path = rows[0]
    return [(f"  - {first.lstrip()}", path), *rows[1:]]


def written(body, outer):
    """Lines of a mapping, each with the path of its key."""
    for key, value in body.items():
        path = (*outer, key)
        margin, name = "  " * len(outer), ".".join(path)
        if isinstance(value, dict) and value:
            yield f"{margin}{key}:", name
            yield from written(value, path)
        else:
            yield (
                f"{margin}{key}: {yaml.safe_dump(value, default_flow_style=True, width=10**6).split(chr(10))[0]}",
                name,
            )


def without_empty(body):
    """A mapping without what was not asked for."""
    return {key: value for key, value in body.items() if value not in (None, {}, ())}
