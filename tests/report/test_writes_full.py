"""Source and screen side by side."""

import pytest
from findings import RISKY, TEXT, UNKNOWN, at, finding, label, span

from llmspec.report.diagnostic import Diagnostic, Label
from llmspec.report.place import Source
from llmspec.report.writers.full import write
from llmspec.report.writers.style import Style

PLAIN = Style(color=False, width=80)


def screen(row, style=PLAIN):
    """One finding, without the lines at the end of the report."""
    return write([row], style).rsplit("\n\n", 1)[0] + "\n"


def test_the_least():
    assert screen(finding()) == (
        """\
error[LS298]: unknown kind `qdrnt`
 --> llm.yaml:4:11
  |
4 |     kind: qdrnt
  |           ^^^^^
"""
    )


def test_remarks_stand_below_a_bar():
    row = finding(help="did you mean `qdrant`?", note="one\ntwo", environments=("production", "staging"))
    assert screen(row) == (
        """\
error[LS298]: unknown kind `qdrnt`
 --> llm.yaml:4:11
  |
4 |     kind: qdrnt
  |           ^^^^^
  |
  = environment: production, staging
  = note: one
  |       two
  = help: did you mean `qdrant`?
"""
    )


def test_labels_in_the_same_file_are_in_order_of_lines():
    also = (label(TEXT, "replicas", "and these"), label(TEXT, "top", "so many"), label(TEXT, "rag", "in here"))
    assert screen(finding(also=also)) == (
        """\
error[LS298]: unknown kind `qdrnt`
 --> llm.yaml:4:11
  |
2 | rag:
  | --- in here
...
4 |     kind: qdrnt
  |           ^^^^^
5 |     replicas: 3
  |     -------- and these
6 |   top: 4
  |   --- so many
"""
    )


def test_labels_on_the_same_line_share_it():
    assert screen(finding(also=(label(TEXT, "kind", "this key"),))) == (
        """\
error[LS298]: unknown kind `qdrnt`
 --> llm.yaml:4:11
  |
4 |     kind: qdrnt
  |           ^^^^^
  |     ---- this key
"""
    )


def test_a_label_in_another_file_has_a_frame_of_its_own():
    lock = "\n" * 11 + "stores: [qdrant]\n"
    assert screen(finding(also=(label(lock, "qdrant", "pinned here", name="llm.lock"),), help="lock again")) == (
        """\
error[LS298]: unknown kind `qdrnt`
  --> llm.yaml:4:11
   |
 4 |     kind: qdrnt
   |           ^^^^^
  ::: llm.lock:12:10
   |
12 | stores: [qdrant]
   |          ------ pinned here
   |
   = help: lock again
"""
    )


def test_of_several_lines_the_first_is_underlined():
    source = Source("llm.yaml", "a:\n  one: [1,\n    2]\n")
    assert screen(Diagnostic(UNKNOWN, "too long", span(source, 2, 8, 7, end_line=3))) == (
        """\
error[LS298]: too long
 --> llm.yaml:2:8
  |
2 |   one: [1,
  |        ^^^
"""
    )


def test_a_file_that_was_not_read_has_no_frame():
    missing = Source("gone.yaml", "")
    row = Diagnostic(UNKNOWN, "this file cannot be read", span(missing, 1, 1, 1), help="create it")
    assert screen(row) == (
        """\
error[LS298]: this file cannot be read
 --> gone.yaml:1:1
  = help: create it
"""
    )


def test_a_label_in_a_file_that_was_not_read_keeps_its_words():
    row = finding(also=(Label(span(Source("gone.yaml", ""), 1, 1, 1), "should be here"),))
    assert screen(row).endswith(" ::: gone.yaml:1:1\n  = note: should be here\n")


def test_the_end_of_a_text_is_a_place():
    source = Source("llm.yaml", "a: [\n")
    assert screen(Diagnostic(UNKNOWN, "unclosed", span(source, 2, 1, 2))) == (
        """\
error[LS298]: unclosed
 --> llm.yaml:2:1
  |
2 |
  | ^
"""
    )


TABS = "a:\n\tkind:\tqdrnt\n"
WIDE = "a: {日本: 'ok', 😀: qdrnt}\n"
MARKS = "e\u0301te\u0301: qdrnt\n"
CRLF = "a: 1\r\nkind: qdrnt\r\nb: 2\r\n"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (TABS, "2 |     kind:    qdrnt\n  |              ^^^^^\n"),
        (WIDE, "1 | a: {日本: 'ok', 😀: qdrnt}\n  |                     ^^^^^\n"),
        (MARKS, "1 | e\u0301te\u0301: qdrnt\n  |      ^^^^^\n"),
        (CRLF, "2 | kind: qdrnt\n  |       ^^^^^\n"),
    ],
)
def test_the_caret_is_under_the_text(text, rows):
    assert screen(finding(text)).endswith(rows)


def test_a_wide_word_has_a_wide_caret():
    assert screen(finding(WIDE, "日本")).endswith("  |     ^^^^\n")


def test_lines_are_those_of_the_parser():
    """YAML 1.1, which libyaml reads, also ends a line at NEL, LS, PS and a lone CR."""
    source = Source("llm.yaml", "a: 1\rb: 2\u2028c: 3\x85d: qdrnt\n")
    assert "4 | d: qdrnt\n  |    ^^^^^\n" in screen(Diagnostic(UNKNOWN, "x", span(source, 4, 4, 9)))


def test_a_long_line_is_shown_around_the_place():
    text = f"{'x' * 300}qdrnt{'y' * 300}\n"
    lines = screen(finding(text)).splitlines()
    assert lines[3] == f"1 | …{'x' * 34}qdrnt{'y' * 35}…"
    assert lines[4] == f"  | {' ' * 35}^^^^^"
    assert len(lines[3]) == PLAIN.width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{'x' * 300}qdrnt", f"…{'x' * 69}qdrnt"),
        (f"qdrnt{'x' * 300}", f"qdrnt{'x' * 69}…"),
        (f"{'x' * 300}qdrnt{'x' * 69}", f"…{'x' * 34}qdrnt{'x' * 35}…"),
        (f"{'x' * 71}qdrnt", f"{'x' * 71}qdrnt"),
    ],
)
def test_no_room_is_wasted_at_the_ends_of_a_long_line(text, shown):
    assert screen(finding(text)).splitlines()[3] == f"1 | {shown}"


def test_a_label_outside_the_window_gets_one_of_its_own():
    text = f"qdrnt{'x' * 300}far{'y' * 300}\n"
    lines = screen(finding(text, also=(label(text, "far", "over here"),))).splitlines()
    assert [line.startswith("1 |") for line in lines[3:]] == [True, False, True, False]
    start = lines[5].index("far")
    assert lines[6] == f"  |{' ' * (start - 3)}--- over here"


def test_several_findings_and_the_count():
    rows = [finding(), finding(word="3", message="x"), finding(word="top", kind=RISKY, message="this is risky")]
    text = write(rows, PLAIN)
    assert text.count("\n\n") == 3
    assert text.endswith("\n\nfound 2 errors and 1 warning\nfor more about a code: `llmspec explain LS298`\n")


def test_nothing_found_is_nothing_said():
    assert write([], PLAIN) == ""


def test_color():
    lines = write([finding(also=(label(TEXT, "replicas", "here"),))], Style(color=True)).splitlines()
    assert lines[0] == "\x1b[1;31merror[LS298]\x1b[0m\x1b[1m: unknown kind `qdrnt`\x1b[0m"
    assert lines[4] == "  \x1b[1;34m|\x1b[0m           \x1b[1;31m^^^^^\x1b[0m"
    assert lines[6] == "  \x1b[1;34m|\x1b[0m     \x1b[1;34m-------- here\x1b[0m"
    assert write([finding(kind=RISKY)], Style(color=True)).startswith("\x1b[1;33mwarning[LS498]")


def test_the_place_is_the_one_in_the_arrow():
    assert f"--> llm.yaml:{at(TEXT, 'top').line}:{at(TEXT, 'top').column}\n" in screen(finding(word="top"))
