import json

from findings import ASIDE, RISKY, TEXT, finding

from llmspec.report.writers.gitlab import write
from llmspec.report.writers.style import Style

FINGERPRINT = "7890e084589c674b4bb87a03017299b1f3282fbe755d6879d5614fc1fde10f9e"


def written(*rows):
    return json.loads(write(rows, Style()))


def test_an_issue():
    (issue,) = written(finding(name="./sub/llm.yaml", environments=("production",), help="did you mean `qdrant`?"))
    assert len(bytes.fromhex(issue.pop("fingerprint"))) == 32
    assert issue == {
        "description": "LS298: unknown kind `qdrnt` (production) - did you mean `qdrant`?",
        "check_name": "LS298",
        "severity": "major",
        "location": {
            "path": "sub/llm.yaml",
            "positions": {"begin": {"line": 4, "column": 11}, "end": {"line": 4, "column": 16}},
        },
    }


def test_severities():
    rows = [finding(), finding(kind=RISKY), finding(kind=ASIDE)]
    assert [issue["severity"] for issue in written(*rows)] == ["major", "minor", "info"]


def test_a_fingerprint_survives_edits_above():
    before, after = written(finding()), written(finding(f"# new\n\n{TEXT}"))
    assert before[0]["location"] != after[0]["location"]
    assert before[0]["fingerprint"] == after[0]["fingerprint"]


def test_equal_findings_have_different_fingerprints():
    other = [finding(message="x"), finding(kind=RISKY), finding(name="b.yaml")]
    marks = [issue["fingerprint"] for issue in written(finding(), finding(word="top"), *other)]
    assert len(set(marks)) == len(marks)


def test_a_fingerprint_never_changes():
    """GitLab would show every known finding as new."""
    assert written(finding())[0]["fingerprint"] == FINGERPRINT


def test_nothing_found_is_a_document():
    assert written() == []
