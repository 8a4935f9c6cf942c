import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import llmspec
from llmspec import __main__
from llmspec.artifacts import stamp

ARGV = ["compile", "llm.yaml"]
LATER = 10**10


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with an input, an output, and an llmspec of two files."""
    for name in ("package/part/__pycache__", "templates", "work/prompts", "work/out", "site"):
        (tmp_path / name).mkdir(parents=True)
    for name in (
        "package/a.py",
        "package/part/b.py",
        "templates/t.j2",
        "work/llm.yaml",
        "work/prompts/p.md",
        "work/out/o",
    ):
        (tmp_path / name).write_text("1234")
    monkeypatch.setattr(stamp, "_PACKAGE", str(tmp_path / "package"))
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "site")])
    monkeypatch.setenv("LLMSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("LLMSPEC_NO_STAMP", raising=False)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def record(argv=ARGV, *, started=None, message="Compiled.\n2 files", inputs=(), outputs=()):
    stamp.record(
        argv,
        ["llm.yaml", "prompts", str(Path("prompts/p.md").absolute()), "llm.lock", *inputs],
        ["out", "out/o", *outputs],
        message,
        started=started or time.time_ns() + LATER,
    )


def stamps(place):
    return sorted((place / "cache/stamps").glob("*"))


def test_fresh_after_record(place):
    assert stamp.fresh(ARGV) is None
    record()
    assert stamp.fresh(ARGV) == "Compiled.\n2 files"
    record(message="")
    assert stamp.fresh(ARGV) == ""
    assert len(stamps(place)) == 1
    record(message="größer\n\n")
    assert stamp.fresh(ARGV) == "größer\n\n"


def rewrite(path, text):
    """New bytes of the same length in the same file, and the times put back."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def replaced(path):
    """The same bytes and times, but another file."""
    before = path.stat()
    path.with_name("draft").write_bytes(path.read_bytes())
    os.utime(path.with_name("draft"), ns=(before.st_atime_ns, before.st_mtime_ns))
    path.with_name("draft").replace(path)


CHANGES = {
    "input edited": lambda place: (place / "work/llm.yaml").write_text("12345"),
    "input rewritten": lambda place: rewrite(place / "work/llm.yaml", "4321"),
    "input replaced": lambda place: replaced(place / "work/prompts/p.md"),
    "input deleted": lambda place: (place / "work/llm.yaml").unlink(),
    "input became a folder": lambda place: ((place / "work/llm.yaml").unlink(), (place / "work/llm.yaml").mkdir()),
    "missing input appeared": lambda place: (place / "work/llm.lock").write_text(""),
    "file in input folder": lambda place: (place / "work/prompts/new.md").write_text(""),
    "output edited": lambda place: (place / "work/out/o").write_text("12345"),
    "output rewritten": lambda place: rewrite(place / "work/out/o", "4321"),
    "output deleted": lambda place: (place / "work/out/o").unlink(),
    "output no longer executable": lambda place: (place / "work/out/o").chmod(0o600),
    "file in output folder": lambda place: (place / "work/out/new").write_text(""),
    "our code edited": lambda place: rewrite(place / "package/part/b.py", "4321"),
    "our code grown": lambda place: (place / "package/part/c.py").write_text(""),
    "template edited": lambda place: rewrite(place / "templates/t.j2", "4321"),
    "plugin installed": lambda place: (place / "site/plugin.dist-info").mkdir(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen(place, change):
    record()
    CHANGES[change](place)
    assert stamp.fresh(ARGV) is None


def test_byte_code_is_no_change(place):
    record()
    (place / "package/part/__pycache__/b.pyc").write_text("")
    (place / "package/part/__pycache__/b.pyc").write_text("more")
    assert stamp.fresh(ARGV) is not None


def test_templates_of_a_wheel_lie_in_the_package(place):
    (place / "package/templates").mkdir()
    record()
    rewrite(place / "templates/t.j2", "4321")
    assert stamp.fresh(ARGV) is not None
    (place / "package/templates/new").write_text("")
    assert stamp.fresh(ARGV) is None


def test_what_else_a_run_depends_on(place, monkeypatch):
    stamp.record(ARGV, [str(place / "work/llm.yaml")], [], "Compiled.", started=time.time_ns() + LATER)
    assert stamp.fresh([*ARGV, "--env", "x"]) is None
    assert stamp.fresh(["compile llm.yaml"]) is None
    with monkeypatch.context() as patch:
        patch.chdir(place)
        assert stamp.fresh(ARGV) is None
    with monkeypatch.context() as patch:
        patch.setenv("LLMSPEC_OUTPUT_FORMAT", "json")
        assert stamp.fresh(ARGV) is None
    with monkeypatch.context() as patch:
        patch.setattr(sys, "version", "4.0")
        assert stamp.fresh(ARGV) is None
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [str(place), *sys.path])
        assert stamp.fresh(ARGV) is None
    assert stamp.fresh(ARGV) is not None


def test_an_input_that_may_have_changed_since_is_not_recorded(place):
    time.sleep(0.03)
    started = time.time_ns()
    record(started=started)
    assert stamp.fresh(ARGV) is not None
    (place / "work/prompts/p.md").write_text("changed while we ran")
    record(started=started)
    assert stamp.fresh(ARGV) is None
    record(started=time.time_ns())  # within the grain of the clock
    assert stamp.fresh(ARGV) is None
    time.sleep(0.03)
    record(started=time.time_ns())
    assert stamp.fresh(ARGV) is not None


def test_outputs_are_always_young(place):
    time.sleep(0.03)
    started = time.time_ns()
    (place / "work/out/o").write_text("just written")
    record(started=started)
    assert stamp.fresh(ARGV) is not None


def test_it_can_be_switched_off(place, monkeypatch):
    monkeypatch.setenv("LLMSPEC_NO_STAMP", "1")
    record()
    assert not (place / "cache").exists()
    monkeypatch.delenv("LLMSPEC_NO_STAMP")
    record()
    monkeypatch.setattr(stamp, "_key", lambda _: stamps(place)[0].name)
    assert stamp.fresh(ARGV) is not None
    monkeypatch.setenv("LLMSPEC_NO_STAMP", "1")
    assert stamp.fresh(ARGV) is None


def signed(body):
    return stamp._digest(body) + b"\n" + body


STAMPS = {
    "empty": b"",
    "no lines": b"\n\n\n",
    "binary": bytes(range(256)) * 9,
    "count is no number": signed(b"x\n-\tnone\nhello"),
    "count is negative": signed(b"-1\n-\tnone\nhello"),
    "count is too large": signed(b"%d\n-\tnone\nhello" % 10**18),
    "count is endless": signed(b"9" * 10_000 + b"\n-\tnone\nhello"),
    "nothing to check": signed(b"0\nhello"),
    "no message": signed(b"1\n-\tnone"),
    "message is no text": signed(b"1\n-\tnone\n\xff"),
    "path is no path": signed(b"1\n-\ta\0b\nhello"),
    "not signed": b"0" * 32 + b"\n1\n-\tnone\nhello",
}


@pytest.mark.parametrize("name", STAMPS)
def test_hostile_stamps(place, name):
    record()
    stamps(place)[0].write_bytes(STAMPS[name])
    assert stamp.fresh(ARGV) is None


def test_a_stamp_that_lost_its_end(place):
    record()
    (path,) = stamps(place)
    whole = path.read_bytes()
    for end in (*range(0, len(whole), 31), len(whole) - 1):
        path.write_bytes(whole[:end])
        assert stamp.fresh(ARGV) is None
    path.write_bytes(whole)
    assert stamp.fresh(ARGV) is not None


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_a_stamp_that_is_no_file(place, make):
    record()
    (path,) = stamps(place)
    path.unlink()
    make(path)
    assert stamp.fresh(ARGV) is None


def test_a_cache_that_cannot_be_written(place, monkeypatch):
    (place / "cache").write_text("a file")
    record()
    monkeypatch.setenv("LLMSPEC_CACHE_DIR", "/proc/none")
    record()
    assert stamp.fresh(ARGV) is None


def test_a_record_that_fails_leaves_no_draft(place, monkeypatch):
    def failing(*_):
        raise OSError

    monkeypatch.setattr(os, "replace", failing)
    record()
    assert stamps(place) == []


@pytest.mark.usefixtures("place")
def test_odd_paths():
    Path("two\twords\udcff").write_text("")
    record(inputs=["two\twords\udcff"])
    assert stamp.fresh(ARGV) is not None
    Path("two\twords\udcff").write_text("x")
    assert stamp.fresh(ARGV) is None
    record(inputs=["two\nlines"])  # has no place in a stamp
    assert stamp.fresh(ARGV) is None


@pytest.mark.usefixtures("place")
def test_only_so_many_are_kept(monkeypatch):
    monkeypatch.setattr(stamp, "KEEP", 5)
    for number in range(8):
        record([*ARGV, str(number)])
        time.sleep(0.005)
    kept = [number for number in range(8) if stamp.fresh([*ARGV, str(number)])]
    assert kept == [3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("set_to", "expected"),
    [
        ({"LLMSPEC_CACHE_DIR": "/ours"}, "/ours/stamps"),
        ({"LLMSPEC_CACHE_DIR": "", "XDG_CACHE_HOME": "/shared"}, "/shared/llmspec/stamps"),
        ({"LLMSPEC_CACHE_DIR": "", "XDG_CACHE_HOME": "relative", "HOME": "/home/me"}, "/home/me/.cache/llmspec/stamps"),
        ({"LLMSPEC_CACHE_DIR": "", "XDG_CACHE_HOME": "", "HOME": "/home/me"}, "/home/me/.cache/llmspec/stamps"),
    ],
)
def test_the_cache_folder(monkeypatch, set_to, expected):
    for name, value in set_to.items():
        monkeypatch.setenv(name, value)
    assert stamp._folder() == expected


@pytest.mark.usefixtures("place")
def test_main_answers_from_the_stamp(monkeypatch, capsys):
    for argv in (ARGV, ["check"]):
        record(argv)
        monkeypatch.setattr(sys, "argv", ["/bin/llmspec", *argv])
        assert __main__.main() == 0
        out, err = capsys.readouterr()
        assert (out, err) == ("", "Compiled.\n2 files\n")


@pytest.mark.usefixtures("place")
def test_main_asks_the_compiler_otherwise(monkeypatch):
    asked = []
    monkeypatch.setattr("llmspec.cli.run", lambda: asked.append(sys.argv[1]))
    explain = ["explain", "llm.yaml"]
    record(explain)
    for argv in (ARGV, explain):
        monkeypatch.setattr(sys, "argv", ["/bin/llmspec", *argv])
        __main__.main()
    assert asked == ["compile", "explain"]


HEAVY = {"click", "collections", "contextlib", "ctypes", "enum", "functools", "hashlib", "json", "msgspec", "pathlib"}
HEAVY |= {"re", "ruamel", "shutil", "subprocess", "tempfile", "threading", "types", "typing"}

FAST = """
import sys
from llmspec.__main__ import main
before = {modules!r}
sys.argv = {argv!r}
status = main()
print(status, *sorted(set(sys.modules) - before))
"""


def alone(code, *flags):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    path = str(Path(llmspec.__file__).parents[1])
    code = f"import os, sys; sys.path.insert(0, {path!r})\n{code}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", *flags, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout, done.stderr


def test_the_fast_path_loads_nothing(place):
    argv = ["llmspec", "compile"]
    # The stamp of a process like the one below: its `sys.path` is part of the key.
    noted = """
from llmspec.artifacts.stamp import record
record(['compile'], ['llm.yaml'], ['out'], 'Compiled.', started=10**19)
print(sorted(sys.modules))
"""
    alone(noted)
    bare, _ = alone("print(sorted(sys.modules))")
    modules = set(eval(bare))  # noqa: S307 - a list of names that we printed
    out, err = alone(FAST.format(modules=modules, argv=argv))
    status, *loaded = out.split()
    assert (status, err) == ("0", "Compiled.\n")
    assert set(loaded) >= {"llmspec.artifacts.stamp"}
    assert {name.partition(".")[0] for name in loaded}.isdisjoint(HEAVY)
    assert len([name for name in loaded if not name.startswith("llmspec")]) <= 2
    (place / "work/llm.yaml").write_text("changed")
    with pytest.raises(subprocess.CalledProcessError):  # the slow path, in vain: `-S` hides what is installed
        alone(FAST.format(modules=modules, argv=argv))


@pytest.mark.parametrize(
    "flags", [["-m", "llmspec"], ["-c", "from llmspec.__main__ import main; raise SystemExit(main())"]]
)
def test_version(flags):
    done = subprocess.run(
        [sys.executable, *flags, "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(llmspec.__file__).parents[1],
    )
    assert done.stdout == f"llmspec {llmspec.__version__}\n"
