"""What is dumped is read back equal, by readers of YAML 1.1 and 1.2."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from llmspec.render.yaml import Commented, dump

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
words = st.sampled_from(
    ["no", "Yes", "on", "null", "~", "0777", "0o17", "1e3", "12:30", "1.10", "2026-11-23", "=", "<<", "-",
    "- a", "a: b",
     "a #b", "#a", "@a", "`a", "%a", "&a", "*a", "!a", "|", ">", "'", '"', "{}", "[]", " a", "a ", "a\n",
     "a\n\n", "\na",
     "a\nb", "a \nb", "  a\nb", "a\n  b\n", "\t", "a\tb", "4Gi", "500m", "90s", "--flag", "--flag=x", "---",
     "...", "y", ".5",
     "1_000", "0x1F", "0b1", "\u2028", "\ufeff", "\U0001f600", "a\r\nb", "null ", "sha256:0a", "a:", ":a", "?",
     "? a", "1e5s",
     "${{ x }}", "$(a)", "a\\b", "it's", 'say "x"', "C:\\d", "/a:b", "a:b", "::", "__a"]
)  # fmt: skip
scalars = st.one_of(
    text, words, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False)
)
data = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(words, text), inner, max_size=4)),
    max_leaves=12,
)


def same(one, other):
    if isinstance(one, float) and isinstance(other, (int, float)) and not isinstance(other, bool):
        return one == other
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@given(data)
def test_yaml_1_1_reads_it_back(value):
    assert same(value, yaml.safe_load(dump(value)))


@given(data)
def test_yaml_1_2_reads_it_back(value):
    assert same(value, YAML(typ="safe", pure=True).load(dump(value)))


@given(words)
def test_words_stay_text(word):
    assert yaml.safe_load(dump({"a": [word]})) == {"a": [word]}


def test_blocks_are_readable():
    assert (
        dump({"a": "x\ny\n", "b": {"c": [1, {"d": "4Gi"}]}}, "") == "a: |\n  x\n  y\nb:\n  c:\n    - 1\n    - d: 4Gi\n"
    )


def test_a_comment_stands_behind_and_cannot_break_out():
    assert dump({"a": Commented("x", "v1\nb: 2")}, "") == "a: x # v1b: 2\n"


def test_what_is_no_data_is_refused():
    with pytest.raises(TypeError):
        dump({"a": {1, 2}})
