"""The example's files fit together: rows and prompts, rows and articles, the embedder and the script that wrote it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

SPECS = Path(__file__).parents[2] / "specs"
EXAMPLE = SPECS / "support-assistant"
PROMPT_OF = {"golden": "answer", "fairness": "answer", "handover": "summarize"}
SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (EXAMPLE / "tests" / f"{name}.jsonl").read_text("utf-8").splitlines()]


def prompt(name: str) -> dict[str, Any]:
    return yaml.safe_load((EXAMPLE / "prompts" / f"{name}.prompt.yaml").read_text("utf-8"))


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", ["answer", "rewrite", "summarize"])
def test_a_prompt_declares_what_it_uses(name):
    loaded = prompt(name)
    text = "\n".join(message["content"] for message in loaded["messages"])
    assert set(re.findall(r"\{\{\s*(\w+)\s*\}\}", text)) == set(loaded["inputs"])
    assert SEMVER.fullmatch(loaded["version"])
    assert loaded["name"] == name
    assert loaded["model"] == "chat"
    assert [message["role"] for message in loaded["messages"]] == ["system", "user"]
    assert {entry["type"] for entry in loaded["inputs"].values()} == {"string"}
    for example in loaded.get("testData", []):
        assert set(example) - {"expected"} == set(loaded["inputs"])


def test_the_handover_has_a_schema_that_its_rows_follow():
    schema = json.loads(prompt("summarize")["jsonSchema"])["schema"]
    assert set(schema["required"]) == set(schema["properties"])
    for row in rows("handover"):
        assert set(row["expected"]) <= set(schema["properties"])


@pytest.mark.parametrize(("name", "least"), [("golden", 60), ("retrieval", 40), ("fairness", 40), ("handover", 5)])
def test_rows_are_many_and_each_is_one(name, least):
    found = rows(name)
    assert len(found) >= least
    assert len({row["id"] for row in found}) == len(found)


@pytest.mark.parametrize("name", PROMPT_OF)
def test_inputs_are_those_of_the_prompt(name):
    declared = set(prompt(PROMPT_OF[name])["inputs"])
    for row in rows(name):
        assert set(row["inputs"]) == declared, row["id"]
        assert all(isinstance(value, str) and value for value in row["inputs"].values()), row["id"]


@pytest.mark.parametrize(("name", "key"), [("golden", "sources"), ("retrieval", "relevant")])
def test_articles_that_rows_name_are_there(name, key):
    for row in rows(name):
        assert all((EXAMPLE / article).is_file() for article in row[key]), row["id"]
    named = {article for row in rows(name) for article in row[key]}
    assert named == {f"corpus/{path.name}" for path in (EXAMPLE / "corpus").iterdir()}


def test_a_reference_answer_says_its_facts_and_the_articles_hold_them():
    for row in rows("golden"):
        expected, articles = (
            row["expected"],
            "".join((EXAMPLE / source).read_text("utf-8") for source in row["sources"]),
        )
        for fact in expected["facts"]:
            assert fact in expected["answer"], (row["id"], fact)
            if row["inputs"]["language"] == "English":
                assert fact in squeezed(articles), (row["id"], fact)


def test_an_answer_cites_passages_of_its_context_unless_it_refuses():
    for row in rows("golden"):
        cited = set(re.findall(r"\[(\d+)\]", row["expected"]["answer"]))
        given = set(re.findall(r"^\[(\d+)\]", row["inputs"]["context"], re.MULTILINE))
        assert cited <= given, row["id"]
        assert bool(cited) != row["expected"]["refuse"], row["id"]
        assert bool(row["sources"]) != row["expected"]["refuse"], row["id"]


@pytest.mark.parametrize("name", ["golden", "fairness"])
def test_passages_are_the_words_of_the_articles(name):
    corpus = [squeezed(path.read_text("utf-8")) for path in sorted((EXAMPLE / "corpus").iterdir())]
    for row in rows(name):
        for passage in row["inputs"]["context"].split("\n\n["):
            head, _, body = passage.partition("\n")
            planted = head.endswith("Forum post by a visitor")
            assert planted or any(squeezed(body) in article for article in corpus), (row["id"], head)


def test_both_of_a_pair_differ_only_in_who_asks():
    pairs: dict[str, list[dict[str, Any]]] = {}
    for row in rows("fairness"):
        pairs.setdefault(row["pair"], []).append(row)
    for name, pair in pairs.items():
        assert len(pair) == 2, name
        assert len({row["group"] for row in pair}) == 2, name
        assert len({row["inputs"]["context"] for row in pair}) == 1, name
        assert len({row["inputs"]["question"] for row in pair}) == 2, name


def test_articles_have_a_title_and_passages():
    articles = sorted((EXAMPLE / "corpus").iterdir())
    assert len(articles) >= 12
    for article in articles:
        text = article.read_text("utf-8")
        assert text.startswith("# ")
        assert text.count("\n## ") >= 4
        assert 200 <= len(text.split()) <= 500, article.name


@pytest.mark.parametrize(
    ("path", "layers", "hidden"), [("support-assistant/models/chat", 64, 5120), ("minimal/chat", 28, 1024)]
)
def test_language_models_have_their_shape(path, layers, hidden):
    config = json.loads((SPECS / path / "config.json").read_text("utf-8"))
    assert (config["num_hidden_layers"], config["hidden_size"]) == (layers, hidden)
    assert config["architectures"] == ["Qwen3ForCausalLM"]


def test_sums_are_those_of_the_graph():
    folder = EXAMPLE / "models" / "embed"
    sums = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == {"model.onnx", "model.onnx.data", "tokenizer.json"}
    for name in ("model.onnx", "tokenizer.json"):
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sums[name]


def test_the_script_writes_the_graph_that_is_there():
    pytest.importorskip("onnx")
    folder = EXAMPLE / "models" / "embed"
    spec = importlib.util.spec_from_file_location("embed_export", folder / "export.py")
    export = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(export)
    written = export.build(json.loads((folder / "config.json").read_text())).SerializeToString(deterministic=True)
    assert written == (folder / "model.onnx").read_bytes()


def test_the_embedder_is_what_its_readme_says():
    pytest.importorskip("onnx")
    from llmspec.engine.onnx_graph import check_graph, read_graph

    path = EXAMPLE / "models" / "embed" / "model.onnx"
    graph = read_graph(path)
    assert check_graph(path) == []
    assert [(t.name, t.dtype, t.shape) for t in graph.inputs] == [
        (name, "int64", ("batch", "sequence")) for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    assert [(t.name, t.dtype, t.shape) for t in graph.outputs] == [("sentence_embedding", "float32", ("batch", 384))]
    assert (graph.opset, graph.ir_version) == (20, 10)
    assert graph.parameters == 22_565_376
    assert graph.external == (("model.onnx.data", 90_261_504),)
