"""`llmspec engine inspect`."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from llmspec.cli import main

pytest.importorskip("onnx", reason="reading graphs needs llmspec[tensorrt]")
GRAPH = Path(__file__).parents[2] / "specs" / "support-assistant" / "models" / "embed" / "model.onnx"


def run(*arguments):
    return CliRunner().invoke(main, ["engine", "inspect", *map(str, arguments)], catch_exceptions=False)


def test_what_a_person_sees():
    done = run(GRAPH)
    assert done.exit_code == 0
    for line in (
        "opset       20 (IR version 10)",
        "parameters  22,565,376",
        "weights     86.1 MiB",
        "types       22,565,376 float32",
        "inputs      input_ids: int64[batch, sequence]",
        "outputs     sentence_embedding: float32[batch, 384]",
        "axes        batch, sequence",
    ):
        assert line in done.stdout.splitlines()


def test_the_same_as_data():
    data = json.loads(run(GRAPH, "--format", "json").stdout)
    assert data["outputs"] == [{"name": "sentence_embedding", "dtype": "float32", "shape": ["batch", 384]}]
    assert data["external"] == [["model.onnx.data", 90261504]]
    assert data["faults"] == []


def test_what_is_no_graph(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"hello")
    done = run(tmp_path / "x.onnx")
    assert done.exit_code == 1
    assert "x.onnx is not an ONNX graph" in done.stderr


def test_weights_that_are_too_short(tmp_path):
    (tmp_path / "model.onnx").write_bytes(GRAPH.read_bytes())
    (tmp_path / "model.onnx.data").write_bytes(bytes(1000))
    done = run(tmp_path / "model.onnx")
    assert done.exit_code == 1
    assert "model.onnx.data" in done.stderr


def test_without_onnx_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    done = run(GRAPH)
    assert done.exit_code == 2
    assert "llmspec[tensorrt]" in done.stderr


def test_wrong_use():
    assert run("nowhere.onnx").exit_code == 2
