import pytest
from findings import ASIDE, RISKY, TEXT, UNKNOWN, finding, span

from llmspec.report.diagnostic import Diagnostic
from llmspec.report.place import Source
from llmspec.report.writers.concise import write as write_concise
from llmspec.report.writers.github import write
from llmspec.report.writers.style import Style

PLAIN = Style()
REGISTERED = {"error", "warning", "notice", "add-mask", "stop-commands", "debug", "group", "set-env", "add-path"}


def decoded(text, *more):
    for token in ("\r", "\n", *more, "%"):
        text = text.replace(f"%{ord(token):02X}", token)
    return text


def commands(log):
    """What the runner takes for commands: a reading of ActionCommand.cs in actions/runner."""
    for line in log.splitlines():
        trimmed = line.lstrip()
        end = trimmed.find("::", 2) if trimmed.startswith("::") else -1
        if end >= 0 and trimmed[2:end].split(" ")[0] in REGISTERED:
            name, _, listed = trimmed[2:end].partition(" ")
            pairs = (pair.split("=", 1) for pair in listed.strip().split(",") if "=" in pair)
            yield name, {key: decoded(value, ":", ",") for key, value in pairs}, decoded(trimmed[end + 2 :])
        elif (start := line.find("##[")) >= 0 and (end := line.find("]", start)) >= 0:
            name = line[start + 3 : end].split(" ")[0]
            if name in REGISTERED:
                yield name, {}, line[end + 1 :]


def test_an_annotation_and_the_log():
    row = finding(help="did you mean `qdrant`?", note="100%, or so", environments=("production",))
    assert write([row], PLAIN) == (
        "::error title=llmspec (LS298),file=llm.yaml,line=4,col=11,endLine=4,endColumn=16::"
        "unknown kind `qdrnt` (production)%0Anote: 100%25, or so%0Ahelp: did you mean `qdrant`?\n"
        "llm.yaml:4:11: error[LS298] unknown kind `qdrnt` (production) - did you mean `qdrant`?\n"
    )


def test_columns_are_for_one_line():
    row = Diagnostic(UNKNOWN, "x", span(Source("llm.yaml", TEXT), 2, 1, 3, end_line=4))
    assert write([row], PLAIN).startswith("::error title=llmspec (LS298),file=llm.yaml,line=2,endLine=4::x\n")


def test_properties_are_escaped():
    ((_, properties, _),) = commands(write([finding(name="a,b::c%2C.yaml")], PLAIN))
    assert properties["file"] == "a,b::c%2C.yaml"
    assert properties["title"] == "llmspec (LS298)"


def test_no_more_than_github_shows_and_the_worst_first():
    rows = [finding(kind=kind, message=f"{kind.id} {i}") for i in range(12) for kind in (ASIDE, RISKY, UNKNOWN)]
    log = write(rows, PLAIN)
    names = [name for name, _, _ in commands(log)]
    assert names == ["error"] * 10 + ["warning"] * 10 + ["notice"] * 10
    *_, (_, _, words) = commands(log)
    assert words.startswith("2 errors and 2 warnings and 3 notes more")
    assert log.endswith(write_concise(rows, PLAIN))


def test_ten_need_no_count():
    assert "notice" not in write([finding(message=str(i)) for i in range(10)], PLAIN)


def test_nothing_found_is_nothing_said():
    assert write([], PLAIN) == ""


@pytest.mark.parametrize(
    "evil",
    [
        "x\n::add-mask::y",
        "x\r::add-mask::y",
        "x\r\n  ::stop-commands::z",
        "x\x85::add-mask::y",
        "x\u2028::add-mask::y",
        "::add-mask::y",
        " \t::add-mask::y",
        "\u200b::add-mask::y",
        "##[add-mask]y",
        "###[add-mask]y",
        "#\u200d#[add-mask]y",
        "%0A::add-mask::y",
        "a::add-mask::y",
    ],
)
def test_nobody_can_add_a_command(evil):
    text = f"{evil}\nkind: qdrnt\n"
    rows = [
        finding(message=evil),
        finding(name=evil),
        finding(help=evil, note=evil),
        finding(environments=(evil,)),
        Diagnostic(UNKNOWN, "x", span(Source("llm.yaml", text), 1, 1, 2)),
    ]
    log = write(rows, PLAIN)
    assert [name for name, _, _ in commands(log)] == ["error"] * len(rows)
    assert {properties["title"] for _, properties, _ in commands(log)} == {"llmspec (LS298)"}
