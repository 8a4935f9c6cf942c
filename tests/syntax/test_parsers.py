"""libyaml's parser and the one in Python read the same: values, and the places that findings point at."""

from functools import partial
from pathlib import Path

import pytest
import ruamel.yaml
from hypothesis import given
from hypothesis import strategies as st

from llmspec.report.place import Source
from llmspec.report.report import Report
from llmspec.syntax.node import Mapping, Scalar, Sequence
from llmspec.syntax.parse import parse

ROOT = Path(__file__).parents[2]
FILES = sorted(
    {*ROOT.glob("specs/*/*.yaml"), *ROOT.glob("specs/*/prompts/*.yaml"), *ROOT.glob("tests/cases/*/llm.yaml")}
)


def read(text, *, pure):
    """The document as nested tuples of values with the lines and columns that they begin at; codes if it is none."""
    usual = ruamel.yaml.YAML
    ruamel.yaml.YAML = partial(usual, pure=pure)
    try:
        source = Source("x.yaml", text)
        report = Report(source)
        node = parse(source, report)
    finally:
        ruamel.yaml.YAML = usual
    return [each.code.id for each in report.diagnostics()] or told(node)


def told(node):
    place = (node.span.line, node.span.column)
    if isinstance(node, Mapping):
        return place, [(told(key), told(value)) for key, value in node.entries]
    if isinstance(node, Sequence):
        return place, [told(item) for item in node.items]
    assert isinstance(node, Scalar)
    return (*place, node.span.end_line, node.span.end_column), repr(node.value), node.text


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_both_read_the_same(path):
    text = path.read_bytes().decode("utf-8", "replace")
    assert read(text, pure=False) == read(text, pure=True)


def test_the_fast_one_is_used_where_it_is_there():
    from ruamel.yaml.cyaml import CParser

    assert ruamel.yaml.YAML(typ="safe").Parser is CParser


@given(
    st.lists(
        st.sampled_from(["a: ", "- ", "b", "1.10", "no", "{", "}", "[", "]", ", ", "\n", "  ", '"', "'", "# c", "é"]),
        max_size=12,
    )
)
def test_what_both_take_means_the_same(parts):
    """At the edges of YAML one may refuse what the other takes; never do they take it to mean different things."""
    one, other = (read("".join(parts), pure=pure) for pure in (False, True))
    assert isinstance(one, list) or isinstance(other, list) or strip(one) == strip(other)


def strip(value):
    """Values alone: at the edges of what YAML allows the two count a column differently."""
    if isinstance(value, tuple) and len(value) == 3:
        return value[1:]
    return [strip(each) for each in value if not isinstance(each, int)] if isinstance(value, (list, tuple)) else value
