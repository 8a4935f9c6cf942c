"""Templates take no decisions: values, loops and quoting filters only."""

from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

from llmspec.render.template import FILTERS, BreaksOut, render, template_root

ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Const, nodes.For,
    nodes.Filter, nodes.Include, nodes.Call, nodes.Keyword,
)  # fmt: skip


def templates():
    found = (path for path in template_root().rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(path for path in found if path.suffix != ".py")


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.name)
def test_only_values_loops_and_known_filters(path):
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - only parsed
    tree = environment.parse(path.read_text("utf-8"))
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Filter):
            assert node.name in FILTERS
        elif isinstance(node, nodes.Call):
            assert node.node.name == "range"
        else:
            assert isinstance(node, (*ALLOWED, nodes.EvalContextModifier)), (
                f"{path.name}:{node.lineno} {type(node).__name__}"
            )


def test_a_decision_would_be_noticed():
    tree = jinja2.Environment(autoescape=False).parse("{% if x %}y{% endif %}")  # noqa: S701
    assert not all(isinstance(node, ALLOWED) for node in tree.find_all(nodes.Node))


def test_templates_lie_beside_a_checkout():
    assert template_root() == Path(__file__).parents[2] / "templates"


@pytest.mark.parametrize("value", ["a\nRUN evil", "a\rb", "a\x00b", "\x1b[0m"])
def test_a_value_cannot_end_its_line(value):
    with pytest.raises(BreaksOut):
        render("triton/config.pbtxt", model="m", max_batch_size=value, inputs=[], outputs=[], plans=[], instances=1,
               profiles=1, preferred_batch_sizes=[], max_queue_delay=0)  # fmt: skip


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_filters_quote_what_is_hostile(name):
    """A quote, a dollar, a backslash and a semicolon come out so that the format's own reader gives them back."""
    import json
    import shlex

    hostile = "a\"b'c$(d)`e`;f\\g"
    if name in ("shell_line", "exec"):
        text = str(FILTERS[name]([hostile, "x"]))
        assert (json.loads(text) if name == "exec" else shlex.split(text)) == [hostile, "x"]
    elif name == "shell":
        assert shlex.split(FILTERS[name](hostile)) == [hostile]
    elif name == "pbtxt":
        assert json.loads(FILTERS[name](hostile)) == hostile
    elif name == "label":
        text = FILTERS[name](hostile)
        assert text.replace("\\$", "$").replace('\\"', '"').replace("\\\\", "\\") == f'"{hostile}"'
        assert "$(" not in text.replace("\\$", "")
    elif name == "identifier":
        assert FILTERS[name]('a"b') == '"a""b"'
    else:
        assert FILTERS[name]("a\nb") == "a b"
