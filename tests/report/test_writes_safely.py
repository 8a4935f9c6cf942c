"""A text that means harm: no writer may pass on more than it may look like."""

import json
import time
import unicodedata
from itertools import accumulate

import pytest
from findings import UNKNOWN, columns, finding, span
from hypothesis import assume, example, given
from hypothesis import strategies as st

from llmspec.report.diagnostic import Diagnostic, Label
from llmspec.report.place import Source
from llmspec.report.writers import NAMES, writer
from llmspec.report.writers.style import Style
from llmspec.report.writers.visible import cell

EVIL = {
    "clear the screen": "\x1b[2J",
    "set the title": "\x1b]0;pwned\x07",
    "C1 introducer": "\x9b31m",
    "back over it": "abc\x08\x08\x08",
    "over the line": "abc\rdef",
    "delete": "\x7f",
    "right to left": "\u202etxt.exe",
    "isolate": "\u2066abc\u2069",
    "zero width": "a\u200bb\u200dc\ufeffd\u2060e",
    "soft hyphen": "a\u00adb",
    "blank letters": "\u3164\u115f\uffa0\u2800",
    "selectors": "a\ufe0f\U000e0101",
    "tags": "\U000e0041\U000e0042",
    "no-break space": "a\u00a0b",
    "surrogate": "\udc80",
    "nothing": "\x00",
}
TEXTUAL = [name for name in NAMES if name not in ("json", "gitlab", "sarif")]


def harmful(char):
    return char != "\n" and (
        unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") or char in "\u3164\u115f\uffa0"
    )


@pytest.mark.parametrize("name", TEXTUAL)
@pytest.mark.parametrize("evil", EVIL.values(), ids=list(EVIL))
def test_nothing_harmful_is_passed_on(name, evil):
    text = f"kind: qdrnt # {evil}\nother: {evil}\n"
    where = finding(text).span
    row = Diagnostic(UNKNOWN, f"m{evil}", where, evil, evil, (Label(where, evil),), (evil,))
    elsewhere = finding(text, name=f"file{evil}.yaml")
    shown = writer(name)([row, elsewhere], Style(width=100))
    assert not [char for char in shown if harmful(char)]
    shown.encode()


@pytest.mark.parametrize("name", ["json", "gitlab", "sarif"])
@pytest.mark.parametrize("evil", EVIL.values(), ids=list(EVIL))
def test_json_is_plain(name, evil):
    shown = writer(name)([finding(message=evil, help=evil, name=f"f{evil}", environments=(evil,))], Style())
    json.loads(shown)
    assert shown.isascii()
    assert not [char for char in shown if harmful(char)]


def test_what_is_unseen_is_named():
    assert [cell(char) for char in "\x1b\x00\x7f\t\u202e\u00a0\U000e0041a日"] == [
        "␛", "␀", "␡", "    ", "<U+202E>", "<U+00A0>", "<U+E0041>", "a", "日",
    ]  # fmt: skip


def test_a_log_command_in_the_source_is_broken():
    text = "kind: qdrnt ##[add-mask]x ##vso[task.setvariable]y ## [fine]\n"
    for name in ("full", "concise", "github"):
        shown = writer(name)([finding(text, note=text, message=text)], Style(width=120))
        assert "##[" not in shown
        assert "##vso[" not in shown
    assert "## [fine]" in writer("full")([finding(text)], Style(width=120))


def test_no_row_can_begin_a_command():
    evil = "\n::add-mask::x\n  ::add-mask::y"
    shown = writer("full")([finding(f"kind: qdrnt{evil}\n", note=evil, help=evil, message=evil)], Style())
    assert not [line for line in shown.splitlines() if line.lstrip().startswith("::")]


def test_a_line_of_a_megabyte():
    text = "x" * 500_000 + "\x1bqdrnt" + "日" * 500_000 + "\n"
    rows = [finding(text)] * 200
    began = time.perf_counter()
    shown = writer("full")(rows, Style(width=100))
    assert time.perf_counter() - began < 5
    assert max(columns(line) for line in shown.splitlines()) <= 100
    assert len(shown) < 200 * 500


def test_marks_without_end():
    text = "kind: " + "e" + "\u0301" * 100_000 + " qdrnt\n"
    assert len(writer("full")([finding(text)], Style(width=100))) < 1000


@pytest.mark.parametrize("width", [0, 1, 10, 40, 10_000])
def test_any_width(width):
    shown = writer("full")([finding("a" * 50 + "qdrnt" + "b" * 50)], Style(width=width))
    source, carets = shown.splitlines()[3:5]
    assert source[carets.index("^") :].startswith("qdrnt")


NASTY = (
    st.sampled_from("\t\x1b\r\x00\x7f\x85\u2028\u200d\u0301\u202e\ufe0f日本😀é#[:' \n\udc80\u1161") | st.characters()
)
TEXTS = st.text(NASTY, min_size=1, max_size=300)


@st.composite
def placed(draw, text=TEXTS):
    """A source and a span inside it, found with the parser's idea of lines."""
    source = Source("llm.yaml", draw(text))
    lines = []
    while len(lines) < 400 and (source.line(len(lines) + 1) or len(lines) < source.text.count("\n") + 1):
        lines.append(source.line(len(lines) + 1))
    assume(lines)
    first = draw(st.integers(1, len(lines)))
    last = draw(st.integers(first, len(lines)))
    start = draw(st.integers(1, len(lines[first - 1]) + 1))
    end = draw(st.integers(start if last == first else 1, len(lines[last - 1]) + 1))
    return span(source, first, start, end, end_line=last)


def drawn(where, width):
    """The row of source below the arrow, and where in it the carets are."""
    shown = writer("full")([Diagnostic(UNKNOWN, "x", where)], Style(width=width))
    assert not [char for char in shown if harmful(char)]
    source, carets = (row[len(str(where.line)) + 3 :] for row in shown.split("\n")[3:5])
    offset, length = carets.index("^"), carets.count("^")
    assert carets == " " * offset + "^" * length
    return source, offset, length


def parts(where):
    """What stands before a span in its line, and what is in it, as they are shown."""
    line = where.source.line(where.line)
    stop = where.end_column - 1 if where.end_line == where.line else len(line)
    return ["".join(map(cell, part)) for part in (line[: where.column - 1], line[where.column - 1 : stop])]


def solid(text):
    """Without what takes no column, and without the breaking of commands."""
    return "".join(char for char in text if columns(char)).replace("♯", "#").rstrip()


def above(row, offset, length):
    """What a terminal shows in `length` columns of `row`."""
    ends = accumulate(map(columns, row))
    return "".join(char for char, end in zip(row, ends, strict=True) if offset < end <= offset + length)


@given(placed())
def test_the_caret_is_in_the_right_column(where):
    before, about = parts(where)
    _, offset, length = drawn(where, 10_000)
    assert (offset, length) == (columns(before), max(1, columns(about)))


@given(placed(), st.integers(0, 120))
@example(span(Source("llm.yaml", "\u0301\u0301x"), 1, 2, 3), 80)
@example(span(Source("llm.yaml", "\t" * 200), 1, 100, 101), 30)
@example(span(Source("llm.yaml", "日" * 200), 1, 100, 102), 31)
def test_the_caret_is_under_what_it_is_about_in_any_window(where, width):
    _, about = parts(where)
    row, offset, length = drawn(where, width)
    assert columns(row) <= max(width - len(str(where.line)) - 3, 24)
    if columns(about):
        assert solid(about).startswith(solid(above(row, offset, length)))
        assert solid(above(row, offset, length)) or not solid(about[:1])


@given(placed(), st.text(NASTY), st.text(NASTY), st.sampled_from(NAMES), st.booleans())
def test_no_writer_ever_fails(where, words, name, form, color):
    row = Diagnostic(UNKNOWN, words, where, words, words, (Label(where, words),), (words,))
    other = Diagnostic(UNKNOWN, words, span(Source(name, words), 1, 1, 1))
    shown = writer(form)([row, other], Style(color=color, width=80))
    assert shown.endswith("\n")
    shown.encode()
    if form in ("json", "gitlab", "sarif"):
        json.loads(shown)
    elif not color:
        assert not [char for char in shown if harmful(char)]
