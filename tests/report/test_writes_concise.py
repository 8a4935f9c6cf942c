from findings import RISKY, finding

from llmspec.report.writers.concise import write
from llmspec.report.writers.style import Style


def test_one_line_each():
    rows = [
        finding(environments=("production",), help="did you mean `qdrant`?"),
        finding(word="top", kind=RISKY, message="this is risky", note="left out"),
    ]
    assert write(rows, Style()) == (
        "llm.yaml:4:11: error[LS298] unknown kind `qdrnt` (production) - did you mean `qdrant`?\n"
        "llm.yaml:6:3: warning[LS498] this is risky\n"
    )


def test_a_line_break_in_the_words_is_none_in_the_output():
    text = write([finding(message="a\nb\r\nc", help="first\nsecond", name="two\nlines.yaml")], Style())
    assert text == "two␊lines.yaml:4:11: error[LS298] a␊b␍␊c - first second\n"


def test_a_file_named_like_a_command_does_not_begin_the_line():
    assert write([finding(name="::stop-commands::x")], Style()).startswith("./::stop-commands::x:4:11: ")
    assert write([finding(name="  ::debug::x")], Style()).startswith("./  ::debug")


def test_color():
    assert write([finding()], Style(color=True)).startswith(
        "\x1b[1mllm.yaml:4:11:\x1b[0m \x1b[1;31merror[LS298]\x1b[0m "
    )


def test_nothing_found_is_nothing_said():
    assert write([], Style()) == ""
