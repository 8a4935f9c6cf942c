import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from llmspec.report import writers
from llmspec.report.writers.style import Style, choose_color


class Terminal(StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("flag", "stream", "environ", "colored"),
    [
        ("always", StringIO(), {"NO_COLOR": "1", "TERM": "dumb"}, True),
        ("never", Terminal(), {"FORCE_COLOR": "1"}, False),
        ("auto", Terminal(), {}, True),
        ("auto", StringIO(), {}, False),
        ("auto", Terminal(), {"NO_COLOR": "1"}, False),
        ("auto", Terminal(), {"NO_COLOR": ""}, True),
        ("auto", Terminal(), {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ("auto", StringIO(), {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        ("auto", Terminal(), {"FORCE_COLOR": "0"}, False),
        ("auto", Terminal(), {"TERM": "dumb"}, False),
        ("auto", StringIO(), {"GITHUB_ACTIONS": "true"}, True),
        ("auto", StringIO(), {"GITHUB_ACTIONS": "true", "NO_COLOR": "1"}, False),
    ],
)
def test_color(flag, stream, environ, colored):
    assert choose_color(flag, stream, environ) is colored


def test_streams_are_judged_apart():
    assert [choose_color("auto", stream, {}) for stream in (StringIO(), Terminal())] == [False, True]


def test_every_name_has_a_writer():
    for name in writers.NAMES:
        assert isinstance(writers.writer(name)([], Style()), str)


def test_every_module_that_writes_has_a_name():
    folder = Path(writers.__file__).parent
    found = {path.stem for path in folder.glob("*.py") if "\ndef write(" in path.read_text("utf-8")}
    assert found == set(writers.NAMES)


@pytest.mark.parametrize("name", ["style", "../full", ""])
def test_other_names_have_none(name):
    with pytest.raises(KeyError):
        writers.writer(name)


def test_the_usual_path_loads_little():
    program = (
        "import sys; import msgspec, llmspec.report.diagnostic; before = set(sys.modules);"
        "from llmspec.report.writers import writer; writer('full');"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {name for name in loaded if not name.startswith("llmspec.")} == set()
