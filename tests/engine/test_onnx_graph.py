"""Graphs as they are, graphs as attackers make them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx")

from google.protobuf.descriptor import Descriptor  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402

from llmspec.engine import onnx_graph  # noqa: E402
from llmspec.engine.onnx_graph import BadGraph, Graph, NoOnnx, check_graph, read_graph  # noqa: E402
from llmspec.plan.build import Tensor  # noqa: E402

DATA = "weights.bin"


def weight(name="w", dims=(4, 3), dtype=TensorProto.FLOAT, *, location="", **external):
    """An initializer, of zeros, or external."""
    if not location and not external:
        return helper.make_tensor(name, dtype, dims, [0] * (dims[0] * dims[1]))
    tensor = TensorProto(name=name, data_type=dtype, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location or DATA, **external}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def value(name, shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def model(*weights, inputs=None, outputs=None, nodes=None, opset=20):
    """`y = x·w`, unless told otherwise."""
    graph = helper.make_graph(
        nodes or [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "tiny",
        inputs or [value("x", ["batch", 4])],
        outputs or [value("y", ["batch", 3])],
        list(weights or [weight()]),
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", opset)])


@pytest.fixture
def saved(tmp_path):
    def save(content, data=None) -> Path:
        path = tmp_path / "model.onnx"
        path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        if data is not None:
            (tmp_path / DATA).write_bytes(b"\0" * data)
        return path

    return save


def test_what_a_graph_says_of_itself(saved):
    assert read_graph(saved(model())) == Graph(
        inputs=(Tensor("x", "float32", ("batch", 4)),),
        outputs=(Tensor("y", "float32", ("batch", 3)),),
        opset=20,
        ir_version=10,
        parameters=12,
        weight_bytes=48,
        dtypes=(("float32", 12),),
        external=(),
        ops=(("MatMul", 1),),
    )


def test_a_right_graph_has_no_mistakes(saved):
    assert check_graph(saved(model())) == []


def test_dimensions_without_name_get_one_that_stays(saved):
    path = saved(model(inputs=[value("x", [None, 4])], outputs=[value("y", [-1, 3])]))
    assert read_graph(path).inputs[0].shape == ("x_dim0", 4)
    assert read_graph(path).outputs[0].shape == ("y_dim0", 3)


def test_a_scalar_has_an_empty_shape(saved):
    path = saved(model(inputs=[value("x", ["batch", 4]), value("s", [])]))
    assert read_graph(path).inputs[1] == Tensor("s", "float32", ())


def test_weights_listed_as_inputs_are_no_inputs(saved):
    path = saved(model(inputs=[value("x", ["batch", 4]), value("w", [4, 3])]))
    assert [tensor.name for tensor in read_graph(path).inputs] == ["x"]


@pytest.mark.parametrize(
    ("dtype", "name", "size"),
    [
        ("FLOAT", "float32", 60),
        ("DOUBLE", "float64", 120),
        ("FLOAT16", "float16", 30),
        ("BFLOAT16", "bfloat16", 30),
        ("INT64", "int64", 120),
        ("UINT8", "uint8", 15),
        ("BOOL", "bool", 15),
        ("INT4", "int4", 8),
        ("FLOAT8E4M3FN", "float8e4m3fn", 15),
        ("FLOAT4E2M1", "float4e2m1", 8),
        ("COMPLEX64", "complex64", 120),
    ],
)
def test_element_types_and_their_bytes(saved, dtype, name, size):
    number = TensorProto.DataType.Value(dtype)
    path = saved(model(weight(dims=(5, 3), dtype=number, location=DATA), inputs=[value("x", ["batch", 5], number)]))
    graph = read_graph(path)
    assert (graph.inputs[0].dtype, graph.weight_bytes, graph.external) == (name, size, ((DATA, size),))


def test_every_element_type_of_onnx_has_a_size():
    for name, number in TensorProto.DataType.items():
        if name not in {"UNDEFINED", "STRING"}:
            assert onnx_graph._bytes(onnx, TensorProto(data_type=number, dims=[8])) > 0, name


def test_external_weights_need_not_be_there(saved):
    path = saved(model(weight(location=DATA, offset=16, length=48)))
    assert read_graph(path).external == ((DATA, 64),)
    assert read_graph(path).parameters == 12
    assert check_graph(path) == []


def test_external_weights_that_are_there_must_be_whole(saved):
    graph = model(weight(location=DATA, offset=16, length=48))
    assert check_graph(saved(graph, data=64)) == []
    assert check_graph(saved(graph, data=63)) == ["weights.bin has 63 bytes, and model.onnx needs 64: it is cut off"]


def test_a_length_has_to_fit_the_shape(saved):
    (sentence,) = check_graph(saved(model(weight(location=DATA, length=40))))
    assert sentence == "the weights `w` are 40 bytes long, and their shape needs 48"


def test_weights_inside_nodes_count_as_external_too(saved):
    constant = helper.make_node("Constant", [], ["w"], value=weight("c", location=DATA))
    path = saved(model(weight("unused"), nodes=[constant, helper.make_node("MatMul", ["x", "w"], ["y"])]))
    assert read_graph(path).external == ((DATA, 48),)
    assert check_graph(path) == []


@pytest.mark.parametrize(
    "location",
    ["../w", "a/../../w", "/etc/passwd", "C:\\w", "\\\\host\\share\\w", "..\\w", "a\nb", "a\0b", ""],
)
def test_external_weights_stay_in_the_folder(saved, location):
    tensor = weight(location="replaced")
    tensor.external_data[0].value = location
    (sentence,) = check_graph(saved(model(tensor)))
    assert "is not inside the folder of model.onnx" in sentence


def test_external_weights_stay_in_the_folder_through_links_too(saved, tmp_path):
    path = saved(model(weight(location=DATA)))
    (tmp_path / DATA).symlink_to("/etc/passwd")
    assert "not inside the folder" in check_graph(path)[0]


def test_a_link_to_itself_is_no_traceback(saved, tmp_path):
    path = saved(model(weight(location=DATA)))
    (tmp_path / DATA).symlink_to(tmp_path / DATA)
    with suppress(BadGraph):
        assert all(isinstance(sentence, str) for sentence in check_graph(path))


def test_a_folder_is_no_file_of_weights(saved, tmp_path):
    (tmp_path / DATA).mkdir()
    assert "is not a file" in check_graph(saved(model(weight(location=DATA))))[0]


def test_checking_needs_no_particular_working_directory(saved, monkeypatch):
    path = saved(model(weight(location=DATA)))
    monkeypatch.chdir("/")
    assert check_graph(path) == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (model(nodes=[helper.make_node("Mtmul", ["x", "w"], ["y"])]), "Mtmul"),
        (model(nodes=[helper.make_node("MatMul", ["x", "absent"], ["y"])]), "absent"),
        (model(inputs=[value("x; rm -rf /", ["batch", 4]), value("x", ["batch", 4])]), "only letters"),
        (model(inputs=[value("x", ["a\nb", 4])]), "only letters"),
    ],
)
def test_mistakes_are_sentences(saved, wrong, says):
    sentences = check_graph(saved(wrong))
    assert sentences
    assert all("\n" not in sentence and "Traceback" not in sentence for sentence in sentences)
    assert any(says in sentence for sentence in sentences)


def test_foreign_operators_are_counted_and_allowed(saved):
    graph = model(nodes=[helper.make_node("FusedThing", ["x", "w"], ["y"], domain="com.example")])
    graph.opset_import.append(helper.make_opsetid("com.example", 1))
    assert read_graph(saved(graph)).ops == (("com.example::FusedThing", 1),)
    assert check_graph(saved(graph)) == []


def test_subgraphs_are_counted_and_their_weights_too(saved):
    branch = helper.make_graph(
        [helper.make_node("Identity", ["inner"], ["out"])], "b", [], [value("out", [4, 3])], [weight("inner")]
    )
    nodes = [
        helper.make_node("If", ["c"], ["w"], then_branch=branch, else_branch=branch),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    inputs = [value("x", ["batch", 4]), value("c", [], TensorProto.BOOL)]
    graph = read_graph(saved(model(weight("other"), nodes=nodes, inputs=inputs)))
    assert graph.ops == (("Identity", 2), ("If", 1), ("MatMul", 1))
    assert graph.parameters == 36


def nested(depth: int) -> bytes:
    """A graph in an attribute of a node of a graph …, in bytes, since protobuf refuses to write it."""

    def field(number, content):
        size, length = b"", len(content)
        while length > 127:
            size, length = size + bytes([length & 127 | 128]), length >> 7
        return bytes([number << 3 | 2]) + size + bytes([length]) + content

    graph = b""
    for _ in range(depth):
        graph = field(1, field(5, field(6, graph)))
    return b"\x08\x0a" + field(7, graph) + field(8, b"\x10\x14")


def many(count: int) -> bytes:
    """As many empty nodes: two bytes each, and a hundred once read."""
    size, length = b"", 2 * count
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return b"\x08\x0a\x3a" + size + bytes([length]) + b"\x0a\x00" * count


WHOLE = model(weight(location=DATA)).SerializeToString()
HOSTILE = {
    "empty": b"",
    "text": b"apiVersion: llmspec.dev/v1alpha1\nkind: LLMService\n",
    "zeros": bytes(1000),
    "ones": b"\xff" * 1000,
    "pointer of git-lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "page": b"<!DOCTYPE html><html><body>404</body></html>",
    "archive": b"PK\x03\x04" + bytes(100),
    "cut off": WHOLE[:-7],
    "cut off early": WHOLE[:40],
    "with a tail": WHOLE + b"\xff\xff",
    "no graph": b"\x08\x0a",
    "deep": nested(2000),
    "many parts": many(5_000_000),
    "not UTF-8": WHOLE.replace(b"tiny", b"t\xff\xfey").replace(b"batch", b"b\xfftch"),
    "no opset": onnx.ModelProto(ir_version=10, graph=model().graph).SerializeToString(),
    "negative shape": model(weight(dims=(-4, 3), location=DATA)).SerializeToString(),
    "huge shape": model(weight(dims=(2**62, 2**62), location=DATA)).SerializeToString(),
    "endless shape": model(weight(dims=(2**62,) * 100_000, location=DATA)).SerializeToString(),
    "negative offset": model(weight(location=DATA, offset=-1)).SerializeToString(),
    "offset of words": model(weight(location=DATA, offset="x")).SerializeToString(),
    "endless offset": model(weight(location=DATA, offset="9" * 10_000)).SerializeToString(),
    "unknown type": model(weight(dtype=99, location=DATA)).SerializeToString(),
    "no shape": model(inputs=[value("x", None)]).SerializeToString(),
    "sequence": model(
        inputs=[helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, None)]
    ).SerializeToString(),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("do", [read_graph, check_graph])
def test_a_hostile_file_gives_one_sentence(saved, content, do):
    path = saved(content)
    with pytest.raises(BadGraph) as caught:
        do(path)
    assert str(caught.value).startswith("model.onnx ")
    assert "\n" not in str(caught.value)


def test_no_byte_cut_off_gives_another_error(saved):
    for end in range(len(WHOLE)):
        with suppress(BadGraph):
            check_graph(saved(WHOLE[:end]))


def test_no_byte_changed_gives_another_error(saved):
    for at in range(len(WHOLE)):
        for byte in (0x00, 0x7F, 0x80, 0xFF, WHOLE[at] ^ 1):
            with suppress(BadGraph):
                check_graph(saved(WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :]))


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "absent", tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(BadGraph):
            read_graph(path)


def test_more_than_protobuf_can_hold_is_refused_unread(tmp_path):
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        file.truncate(onnx_graph.LARGEST)
    with pytest.raises(BadGraph, match="2 GiB"):
        read_graph(path)


def test_without_onnx_it_says_what_to_install(saved, monkeypatch):
    path = saved(model())
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(NoOnnx, match=r"pip install 'llmspec\[tensorrt\]'"):
        read_graph(path)


def test_the_walk_knows_every_message_of_onnx():
    """A message that the walk does not enter could hold any number of parts."""
    seen: dict[str, str] = {}

    def visit(ours: str, theirs: Descriptor):
        inner = {field.number: field.message_type for field in theirs.fields if field.message_type}
        assert set(inner) == set(onnx_graph._CHILDREN[ours]), theirs.full_name
        for number, message in inner.items():
            child = onnx_graph._CHILDREN[ours][number]
            if seen.setdefault(message.full_name, child) != child or (child, message.full_name) in done:
                continue
            done.add((child, message.full_name))
            visit(child, message)

    done: set[tuple[str, str]] = set()
    visit("model", onnx.ModelProto.DESCRIPTOR)
