"""ONNX graphs: inputs, outputs, sizes and mistakes, from the graph's own file, without its external weights."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from stat import S_ISREG
from types import ModuleType
from typing import Any

from msgspec import Struct

from llmspec.plan.build import Tensor

LARGEST = 2**31
"""Bytes of a graph's file. Protobuf has no larger messages; larger networks keep their weights in a file beside it."""
MOST_FIELDS = 2_000_000
"""Fields of a graph. Reading makes an object of some, a hundred bytes from two, so size alone is no limit."""

MOST_DIMENSIONS = 64
MOST_ELEMENTS = 2**40
"""Of one tensor of weights: a thousand times what the largest have."""

# What a reader has to go down into to count fields: message → number of a field → message.
# https://github.com/onnx/onnx/blob/v1.18.0/onnx/onnx.proto
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "leaf", 14: "leaf", 20: "training", 25: "function", 26: "leaf"},
    "graph": {
        1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value", 14: "quantized", 15: "sparse", 16: "leaf",
    },
    "node": {5: "attribute", 9: "leaf", 10: "device"},
    "attribute": {
        5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 14: "type", 15: "type", 22: "sparse", 23: "sparse",
    },
    "tensor": {3: "leaf", 13: "leaf", 16: "leaf"},
    "sparse": {1: "tensor", 2: "tensor"},
    "value": {2: "type", 4: "leaf"},
    "type": {1: "typed", 4: "element", 5: "mapped", 7: "leaf", 8: "typed", 9: "element"},
    "typed": {2: "shape"},
    "element": {1: "type"},
    "mapped": {2: "type"},
    "shape": {1: "leaf"},
    "quantized": {2: "leaf"},
    "device": {2: "sharding"},
    "sharding": {3: "leaf", 4: "sharded"},
    "sharded": {2: "leaf"},
    "training": {1: "graph", 2: "graph", 3: "leaf", 4: "leaf"},
    "function": {7: "node", 9: "leaf", 11: "attribute", 12: "value", 14: "leaf"},
    "leaf": {},
}  # fmt: skip
_WIRE_VARINT, _WIRE_FIXED64, _WIRE_BYTES, _WIRE_FIXED32 = 0, 1, 2, 5
_VARINT_BYTES = 10

# Names as numpy has them, where ONNX has others.
_NUMPY = {"float": "float32", "double": "float64"}
# Bits of an element whose name does not end in them.
_BITS = {
    "bool": 8, "float8e4m3fn": 8, "float8e4m3fnuz": 8, "float8e5m2": 8, "float8e5m2fnuz": 8, "float8e8m0": 8,
    "float6e2m3": 6, "float6e3m2": 6, "float4e2m1": 4,
}  # fmt: skip
_PLAIN_NAME = re.compile(r"[\w./:-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class NoOnnx(Exception):
    """The package `onnx` is not installed. The message says how to install it."""

    def __init__(self) -> None:
        super().__init__("reading an ONNX graph needs the package `onnx`: pip install 'llmspec[tensorrt]'")


class BadGraph(ValueError):
    """The file is no ONNX graph that can be read. The message is one sentence, which names the file."""


class Graph(Struct, frozen=True, kw_only=True):
    """What a graph says of itself. `parameters` are the elements of its initializers, `weight_bytes` their size,
    `dtypes` how many of the elements are of which type.

    `external` has, for each file of weights, its location relative to the graph's folder and the bytes it must have at
    least. `ops` counts operators, those of subgraphs and functions among them; one of a foreign domain is `domain::Op`.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    opset: int
    ir_version: int
    parameters: int
    weight_bytes: int
    dtypes: tuple[tuple[str, int], ...]
    external: tuple[tuple[str, int], ...]
    ops: tuple[tuple[str, int], ...]


def read_graph(path: Path) -> Graph:
    """Read the graph at `path`. Raises `BadGraph`, or `NoOnnx` where the package is missing."""
    onnx = _onnx()
    with _reading(path):
        return _graph(onnx, _load(onnx, path))


def check_graph(path: Path) -> list[str]:
    """Say what is wrong with the graph at `path`, one sentence each; nothing if nothing is.

    A missing file of external weights is no mistake; one that is there, and is too short, is. Raises as `read_graph`.
    """
    onnx = _onnx()
    with _reading(path):
        model = _load(onnx, path)
        tensors = list(_outside(onnx, model))
        wrong = [*_wrong_names(_graph(onnx, model)), *_wrong_lengths(tensors), *_wrong_files(path, tensors)]
        return wrong + _wrong_structure(onnx, model, tensors)


def _onnx() -> ModuleType:
    try:
        import onnx  # noqa: PLC0415
        import onnx.checker  # noqa: PLC0415
    except ImportError:
        raise NoOnnx from None
    return onnx


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Make one kind of error of all that a file can cause."""
    from google.protobuf.message import Error  # type: ignore[import-untyped]  # noqa: PLC0415  (comes with onnx)

    try:
        yield
    except BadGraph as problem:
        raise BadGraph(f"{path.name} {problem}") from None
    except OSError as problem:
        raise BadGraph(f"{path.name} cannot be read: {problem.strerror or problem}") from None
    except (Error, ValueError, OverflowError, RuntimeError, MemoryError):
        raise BadGraph(f"{path.name} is not an ONNX graph, or is damaged") from None


def _load(onnx: ModuleType, path: Path) -> Any:
    content = _content(path)
    _count_fields(content)
    model = onnx.ModelProto()
    model.ParseFromString(content)
    if not model.ir_version or not model.HasField("graph"):
        raise BadGraph("is not an ONNX graph: it has no graph, or no IR version")
    return model


def _content(path: Path) -> bytes:
    status = path.stat()
    if not S_ISREG(status.st_mode):
        raise BadGraph("is not a file")
    if status.st_size >= LARGEST:
        raise BadGraph("is larger than 2 GiB, which no ONNX graph can be: keep its weights in an external file")
    return path.read_bytes()


def _count_fields(content: bytes) -> None:
    """Walk over the fields without making objects of them, and refuse what is cut off or has too many."""
    todo, fields = [("model", 0, len(content))], 0
    while todo:
        message, at, end = todo.pop()
        children = _CHILDREN[message]
        while at < end:
            fields += 1
            if fields > MOST_FIELDS:
                raise BadGraph(f"has more than {MOST_FIELDS:,} parts, which no network needs")
            number, start, at = _field(content, at, end)
            if number in children:
                todo.append((children[number], start, at))


def _field(content: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Give the number of the field at `at` (0 unless it is of bytes), where its content starts, and where it ends."""
    key, start = _varint(content, at, end)
    wire, number = key & 7, 0
    if wire == _WIRE_BYTES:
        size, start = _varint(content, start, end)
        number, stop = key >> 3, start + size
    elif wire == _WIRE_VARINT:
        stop = _varint(content, start, end)[1]
    elif wire in {_WIRE_FIXED32, _WIRE_FIXED64}:
        stop = start + (4 if wire == _WIRE_FIXED32 else 8)
    else:
        raise BadGraph("is not an ONNX graph, or is damaged")
    if stop > end:
        raise BadGraph("is cut off, or is not an ONNX graph")
    return number, start, stop


def _varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for index in range(min(_VARINT_BYTES, end - at)):
        byte = content[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004  (the top bit says that more follows)
            return value, at + index + 1
    raise BadGraph("is cut off, or is not an ONNX graph")


def _graph(onnx: ModuleType, model: Any) -> Graph:
    graph = model.graph
    weights = [weight for each in _graphs(model) for weight in _initializers(each)]
    named = {weight.name for weight in graph.initializer}
    return Graph(
        inputs=tuple(_tensor(onnx, value) for value in graph.input if value.name not in named),
        outputs=tuple(_tensor(onnx, value) for value in graph.output),
        opset=_opset(model),
        ir_version=model.ir_version,
        parameters=sum(_elements(weight) for weight in weights),
        weight_bytes=sum(_bytes(onnx, weight) for weight in weights),
        dtypes=_dtypes(onnx, weights),
        external=_needed(list(_outside(onnx, model))),
        ops=tuple(sorted(Counter(_op(node) for node in _nodes(model)).items())),
    )


def _dtypes(onnx: ModuleType, weights: list[Any]) -> tuple[tuple[str, int], ...]:
    counts: Counter[str] = Counter()
    for weight in weights:
        counts[_dtype(onnx, weight.data_type)] += _elements(weight)
    return tuple(sorted(counts.items()))


def _opset(model: Any) -> int:
    versions = [imported.version for imported in model.opset_import if imported.domain in {"", "ai.onnx"}]
    if not versions:
        raise BadGraph("does not say which version of ONNX's operators it uses")
    return int(max(versions))


def _op(node: Any) -> str:
    name, domain = _text(node.op_type), _text(node.domain)
    return name if domain in {"", "ai.onnx"} else f"{domain}::{name}"


def _text(value: str | bytes) -> str:
    """Refuse what is not UTF-8, which protobuf gives as bytes."""
    if isinstance(value, bytes):
        raise BadGraph("is not an ONNX graph, or is damaged: it has names that are not UTF-8")
    return value


def _tensor(onnx: ModuleType, value: Any) -> Tensor:
    """Read an input or output. Dimensions without number or name are named after it: `mask_dim0`."""
    if value.type.WhichOneof("value") != "tensor_type" or not value.type.tensor_type.HasField("shape"):
        raise BadGraph(f"has `{value.name}`, which is not a tensor with a shape")
    dims = value.type.tensor_type.shape.dim
    shape = tuple(_dim(dim, f"{value.name}_dim{index}") for index, dim in enumerate(dims))
    return Tensor(_text(value.name), _dtype(onnx, value.type.tensor_type.elem_type), shape)


def _dim(dim: Any, unnamed: str) -> int | str:
    if dim.HasField("dim_value") and dim.dim_value >= 0:
        return int(dim.dim_value)
    return _text(dim.dim_param) or unnamed


def _dtype(onnx: ModuleType, number: int) -> str:
    if number not in onnx.TensorProto.DataType.values() or number == onnx.TensorProto.UNDEFINED:
        raise BadGraph(f"has a tensor of the unknown element type {number}")
    name = str(onnx.TensorProto.DataType.Name(number)).lower()
    return _NUMPY.get(name, name)


def _elements(tensor: Any) -> int:
    possible = len(tensor.dims) <= MOST_DIMENSIONS and all(dim >= 0 for dim in tensor.dims)
    if not possible or math.prod(tensor.dims) > MOST_ELEMENTS:
        raise BadGraph(f"has the weights `{tensor.name}` of an impossible shape")
    return math.prod(tensor.dims)


def _bytes(onnx: ModuleType, tensor: Any) -> int:
    dtype = _dtype(onnx, tensor.data_type)
    if dtype == "string":
        return sum(len(text) for text in tensor.string_data)
    digits = re.search(r"\d+$", dtype)
    bits = _BITS.get(dtype) or int(digits[0] if digits else 0)
    return -(-_elements(tensor) * bits // 8)


def _graphs(model: Any) -> Iterator[Any]:
    """Walk over the graph and, without recursion, all that are inside it. Functions have `node` too."""
    todo = [model.graph, *model.functions]
    while todo:
        graph = todo.pop()
        yield graph
        for attribute in (attribute for node in graph.node for attribute in node.attribute):
            todo += [*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs]


def _nodes(model: Any) -> Iterator[Any]:
    return (node for graph in _graphs(model) for node in graph.node)


def _initializers(graph: Any) -> list[Any]:
    """Of a graph; a function has none. Of a sparse one, what is stored."""
    return [*getattr(graph, "initializer", ()), *(sparse.values for sparse in getattr(graph, "sparse_initializer", ()))]


def _outside(onnx: ModuleType, model: Any) -> Iterator[tuple[Any, int]]:
    """Walk over all tensors with external data, those of nodes too, with the bytes that their shape needs."""
    for tensor in (tensor for graph in _graphs(model) for tensor in _held(graph)):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            yield tensor, _bytes(onnx, tensor)


def _held(graph: Any) -> Iterator[Any]:
    yield from _initializers(graph)
    yield from (sparse.indices for sparse in getattr(graph, "sparse_initializer", ()))
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield from attribute.tensors
        yield from (tensor for sparse in attribute.sparse_tensors for tensor in (sparse.values, sparse.indices))
        if attribute.HasField("t"):
            yield attribute.t
        if attribute.HasField("sparse_tensor"):
            yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)


def _place(tensor: Any, size: int) -> tuple[str, int, int]:
    """Say where the data are: location, offset, length. Without a length it is what the shape needs."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    offset, length = entries.get("offset") or "0", entries.get("length") or str(size)
    if not (_is_count(offset) and _is_count(length)):
        raise BadGraph(f"says of the weights `{tensor.name}` neither a valid offset nor a valid length")
    return _text(entries.get("location", "")), int(offset), int(length)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20  # noqa: PLR2004  (what fits into 64 bits)


def _needed(tensors: list[tuple[Any, int]]) -> tuple[tuple[str, int], ...]:
    needed: dict[str, int] = {}
    for location, offset, length in (_place(*found) for found in tensors):
        needed[location] = max(needed.get(location, 0), offset + length)
    return tuple(sorted(needed.items()))


def _wrong_names(graph: Graph) -> Iterator[str]:
    """Names go on command lines and into configurations as they are."""
    for tensor in (*graph.inputs, *graph.outputs):
        for name in (tensor.name, *(dim for dim in tensor.shape if isinstance(dim, str))):
            if not _PLAIN_NAME.fullmatch(name):
                yield f"the name {name!r} of an input, output or dimension may have only letters, digits and `_./:-`"


def _wrong_lengths(tensors: list[tuple[Any, int]]) -> Iterator[str]:
    for tensor, size in tensors:
        length = _place(tensor, size)[2]
        if length != size:
            yield f"the weights `{tensor.name}` are {length:,} bytes long, and their shape needs {size:,}"


def _wrong_files(path: Path, tensors: list[tuple[Any, int]]) -> Iterator[str]:
    for location, needed in _needed(tensors):
        data = path.parent / location
        if not _is_inside(location) or not data.resolve().is_relative_to(path.parent.resolve()):
            yield f"the weights lie in {location!r}, which is not inside the folder of {path.name}"
        elif data.exists() and not data.is_file():
            yield f"{location} holds the weights of {path.name}, and is not a file"
        elif data.exists() and data.stat().st_size < needed:
            yield f"{location} has {data.stat().st_size:,} bytes, and {path.name} needs {needed:,}: it is cut off"


def _is_inside(location: str) -> bool:
    """Whether a location is a path inside the folder it is relative to, on any system."""
    if not location or _CONTROL.search(location):
        return False
    windows = PureWindowsPath(location)
    absolute = PurePosixPath(location).is_absolute() or bool(windows.drive or windows.root)
    return not absolute and ".." not in windows.parts


def _wrong_structure(onnx: ModuleType, model: Any, tensors: list[tuple[Any, int]]) -> list[str]:
    """Ask ONNX's own checker, which wants all data to be there; so, to it, external weights are empty. Changes them."""
    for tensor, _ in tensors:
        del tensor.external_data[:]
        tensor.data_location = onnx.TensorProto.DEFAULT
        tensor.dims[:] = [0]
    del model.training_info[:]
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, RuntimeError) as problem:
        reason = re.sub(r"\s+", " ", str(problem)).split("==> Context:")[0].strip()
        return [f"ONNX's checker refuses the graph: {reason[:400]}"]
    return []
