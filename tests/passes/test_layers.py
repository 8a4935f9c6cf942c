"""Overlays: what merges, what replaces, what is deleted, and where each value was said."""

import pytest

from llmspec.passes.layers import split
from llmspec.report.place import Source
from llmspec.report.report import Report
from llmspec.syntax.node import locate, plain
from llmspec.syntax.parse import parse


def layers(text):
    source = Source("llm.yaml", text)
    report = Report(source)
    return {layer.environment: layer.node for layer in split(parse(source, report), report)}, report


def merged(base, overlay):
    text = f"{base}\nenvironments:\n  prod:\n" + "\n".join(f"    {line}" for line in overlay.splitlines())
    nodes, report = layers(text)
    assert not report.errors
    return plain(nodes["prod"])


@pytest.mark.parametrize(
    ("base", "overlay", "result"),
    [
        ("a: 1", "a: 2", {"a": 2}),
        ("a: 1", "b: 2", {"a": 1, "b": 2}),
        ("a: {b: 1, c: 2}", "a: {c: 3}", {"a": {"b": 1, "c": 3}}),
        ("a: [1, 2]", "a: [3]", {"a": [3]}),
        (
            "a: [{name: x, v: 1}, {name: y, v: 1}]",
            "a: [{name: y, v: 2}]",
            {"a": [{"name": "x", "v": 1}, {"name": "y", "v": 2}]},
        ),
        ("a: [{name: x}]", "a: [{name: z}]", {"a": [{"name": "x"}, {"name": "z"}]}),
        ("a: [{name: x}, {name: y}]", "a: [{name: x, $unset: true}]", {"a": [{"name": "y"}]}),
        ("a: {b: 1}", "a: {$unset: true}", {}),
        ("a: {b: {c: 1}, d: 1}", "a: {b: {$unset: true}}", {"a": {"d": 1}}),
        ("a: {kind: x, p: 1}", "a: {kind: y, q: 2}", {"a": {"kind": "y", "q": 2}}),
        ("a: {kind: x, p: 1}", "a: {kind: x, q: 2}", {"a": {"kind": "x", "p": 1, "q": 2}}),
        ("a: {kind: x, p: 1}", "a: {p: 2}", {"a": {"kind": "x", "p": 2}}),
        ("a: 1", "a: {b: 1}", {"a": {"b": 1}}),
        ("a: {b: 1}", "a: null", {"a": None}),
        ("a: [{name: x}]", "a: []", {"a": [{"name": "x"}]}),
        ("a: 1\nx-note: 1", "x-note: 2", {"a": 1}),
        (
            "a: [{steps: [{w: 1}, {w: 2}], name: x}]",
            "a: [{name: x, steps: [{w: 3}]}]",
            {"a": [{"steps": [{"w": 3}], "name": "x"}]},
        ),
    ],
)
def test_merge(base, overlay, result):
    assert merged(base, overlay) == result


@pytest.mark.parametrize(
    ("overlay", "code"),
    [
        ("nothing: {$unset: true}", "LS208"),
        ("list: [{name: q, $unset: true}]", "LS208"),
        ("list: [{value: 1}]", "LS209"),
        ("list: {$unset: false}", "LS211"),
        ("list: {$unset: true, name: x}", "LS211"),
    ],
)
def test_overlay_faults(overlay, code):
    _, report = layers(f"list: [{{name: x}}]\nenvironments:\n  prod:\n    {overlay}\n")
    assert [each.code.id for each in report.diagnostics()] == [code]


@pytest.mark.parametrize("name", ["Prod", "a_b", "-a", "a-", "1a", "", "a" * 64, "../x", "a b", "ä"])
def test_environment_names(name):
    _, report = layers(f'a: 1\nenvironments:\n  "{name}": {{}}\n')
    assert [each.code.id for each in report.diagnostics()] == ["LS212"]


def test_one_environment_where_none_is_declared():
    assert list(layers("a: 1")[0]) == ["default"]


def test_a_value_points_into_the_layer_that_said_it():
    text = "models:\n  - name: chat\n    size: 1\n    other: 2\n"
    text += "environments:\n  prod:\n    models:\n      - name: chat\n        size: 9\n"
    nodes, _ = layers(text)
    assert locate(nodes["prod"], ("models", "chat", "size")).line == 9
    assert locate(nodes["prod"], ("models", "chat", "other")).line == 4
    assert locate(nodes["prod"], ("models", "chat")).line == 2


def test_environments_come_in_order_of_name():
    assert list(layers("environments: {prod: , dev: , qa: }")[0]) == ["dev", "prod", "qa"]
