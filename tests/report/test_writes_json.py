import json
from pathlib import Path

import pytest
from findings import RISKY, TEXT, finding, label
from jsonschema import Draft7Validator, ValidationError

from llmspec.report.writers.json import write
from llmspec.report.writers.style import Style

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/diagnostics.schema.json").read_text("utf-8"))


def written(*rows):
    text = write(rows, Style(color=True))
    data = json.loads(text)
    Draft7Validator(SCHEMA).validate(data)
    return data


def test_the_schema_is_one():
    Draft7Validator.check_schema(SCHEMA)


def test_all_of_a_finding():
    row = finding(
        help="did you mean `qdrant`?", environments=("production", "staging"), also=(label(TEXT, "top", "here"),)
    )
    assert written(row) == {
        "diagnostics": [
            {
                "code": "LS298",
                "name": "unknown-kind",
                "severity": "error",
                "message": "unknown kind `qdrnt`",
                "file": "llm.yaml",
                "line": 4,
                "column": 11,
                "endLine": 4,
                "endColumn": 16,
                "environment": "production,staging",
                "environments": ["production", "staging"],
                "help": "did you mean `qdrant`?",
                "note": None,
                "related": [
                    {"message": "here", "file": "llm.yaml", "line": 6, "column": 3, "endLine": 6, "endColumn": 6}
                ],
            }
        ],
        "summary": {"errors": 1, "warnings": 0},
    }


def test_nothing_found_is_a_document():
    assert written() == {"diagnostics": [], "summary": {"errors": 0, "warnings": 0}}


def test_the_same_twice():
    rows = [finding(), finding(kind=RISKY)]
    assert write(rows, Style()) == write(rows, Style(color=True))


def test_the_text_is_ascii_and_strict():
    text = write([finding(message="\x7f\x1b\u202e\udc80 \ud83d 日本", name="a\udcff.yaml")], Style())
    assert text.isascii()
    assert all(char.isprintable() or char == "\n" for char in text)
    assert json.loads(text)["diagnostics"][0]["message"] == "\x7f\x1b\u202e\ufffd \ufffd 日本"


@pytest.mark.parametrize("wrong", [{"line": 0}, {"severity": "fatal"}, {"url": "https://"}, {"help": ""}])
def test_the_schema_refuses(wrong):
    data = written(finding())
    data["diagnostics"][0] |= wrong
    with pytest.raises(ValidationError):
        Draft7Validator(SCHEMA).validate(data)
