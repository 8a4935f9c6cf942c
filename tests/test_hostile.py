"""No input, however made, gives a traceback, a hang or a full memory: a run ends with 0, 1 or 2 and says why.

What hypothesis invents is in test_hostile_values.py.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from compiling import FULL, ROOT

from llmspec.cli import main

MINIMAL = ROOT / "specs" / "minimal"
TEXT = (MINIMAL / "llm.yaml").read_text("utf-8")
PROMPT, DATASET, DOCUMENT = "prompts/answer.prompt.yaml", "tests/golden.jsonl", "corpus/cleaning.md"
CONFIG, GRAPH = "models/chat/config.json", "models/embed/model.onnx"


@pytest.fixture(autouse=True)
def no_hang():
    """Whatever waits for a FIFO to be written waits for ever."""

    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def copy(spec, place):
    shutil.copytree(spec, place / "spec")
    return place / "spec"


def ends(command, folder, *options):
    """Run a command; it ends well, and says a code or how it is used. Returns its status and what it said."""
    output = ("-o", str(folder.parent / "out")) if command == "compile" else ()
    done = CliRunner().invoke(main, [command, str(folder), *output, *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code in (0, 1, 2)
    assert done.exit_code == 0 or re.search(r"LS\d{3}|Usage:|error:", done.output)
    return done.exit_code, done.output


def deep(opening, number=10_000):
    return "a: " + opening * number


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
TEXTS = {
    "nothing": (b"", "LS102"),
    "comments": (b"# only\n", "LS102"),
    "not UTF-8": (TEXT.encode("utf-16"), "LS103"),
    "latin-1": (TEXT.replace("minimal", "m\xefnimal").encode("latin-1"), "LS103"),
    "NUL": (TEXT.replace("minimal", "mini\0mal").encode(), "LS101"),
    "escape character": (TEXT.replace("minimal", "mini\x1b[31m").encode(), "LS101"),
    "tabs": (TEXT.replace("  - name", "\t- name").encode(), "LS101"),
    "scalar": (b"hello", "LS210"),
    "list": (b"[1, 2]", "LS210"),
    "binary": (bytes(range(256)) * 9, "LS103"),
    "many flow lists": (deep("[").encode(), "LS105"),
    "many flow mappings": (deep("{b: ").encode(), "LS105"),
    "many block lists": (deep("\n" + "- ").encode(), "LS"),
    "many block mappings": ("".join(" " * n + f"k{n}:\n" for n in range(1000)).encode(), "LS105"),
    "dashes": (b"- " * 10_000, "LS105"),
    "question marks": (b"? " * 10_000, "LS"),
    "alias bomb": (BOMB.encode(), "LS105"),
    "alias of itself": (b"a: &a [*a]\n", "LS101"),
    "mapping of itself": (b"&a {b: *a}\n", "LS101"),
    "unknown alias": (b"a: *b\n", "LS101"),
    "duplicate key": (f"{TEXT}kind: LLMService\n".encode(), "LS104"),
    "duplicate key in quotes": (f'{TEXT}"\\x6bind": LLMService\n'.encode(), "LS104"),
    "merge key": (b"base: &b {kind: x}\nmetadata: {<<: *b}\n", "LS201"),
    "python tag": (b"!!python/object/apply:os.system [id]\n", "LS108"),
    "tagged value": (TEXT.replace("name: minimal", "name: !!binary bWluaW1hbA==").encode(), "LS108"),
    "tag directive": (b"%TAG ! tag:evil,2000:\n---\na: !x 1\n", "LS108"),
    "two documents": (f"{TEXT}---\n{TEXT}".encode(), "LS107"),
    "number as key": (f"{TEXT}1: x\n".encode(), "LS106"),
    "list as key": (f"{TEXT}? [a]\n: x\n".encode(), "LS106"),
    "null as key": (f"{TEXT}~: x\n".encode(), "LS106"),
    "lone surrogate": (TEXT.replace("minimal", '"\\ud800"').encode(), "LS101"),
    "encoded surrogate": (TEXT.encode() + b"x-a: \xed\xa0\x80\n", "LS103"),
    "huge float": (TEXT.replace("{gpu: l4}", "{gpu: l4}\n  cache: 1e999").encode(), "LS203"),
    "infinite": (TEXT.replace("0.24.0}", "0.24.0, gpuMemoryUtilization: .inf}").encode(), "LS2"),
    "not a number": (TEXT.replace("0.24.0}", "0.24.0, gpuMemoryUtilization: .nan}").encode(), "LS203"),
    "nested not a number": (
        f"{TEXT}overrides: [{{patch: [{{op: add, path: /x, value: [.nan]}}]}}]\n".encode(),
        "LS203",
    ),
    "five thousand digits": (TEXT.replace("0.24.0}", f"0.24.0, args: {{seed: {'9' * 5000}}}}}").encode(), "LS203"),
    "many digits": (TEXT.replace("engine:", f"context: {{maxNumSeqs: {'9' * 5000}}}\n    engine:").encode(), "LS203"),
    "hexadecimal": (TEXT.replace("engine:", "context: {maxNumSeqs: 0xfffffff}\n    engine:").encode(), "LS206"),
    "label key of Kubernetes": (
        TEXT.replace("minimal}", "minimal, labels: {app.kubernetes.io/name: x}}").encode(),
        "LS206",
    ),
    "trailing line break": (TEXT.replace("0.24.0}", '0.24.0, toolCallParser: "hermes\\n"}').encode(), "LS206"),
    "no models": (re.sub(r"models:\n(  .*\n)+", "models: []\n", TEXT).encode() + b"  cache: {kind: pvc}\n", "LS206"),
    "braces": (TEXT.replace("gpu: l4", 'gpu: "{0.__class__}"').encode(), "LS305"),
}


@pytest.mark.parametrize("command", ["check", "compile", "lock"])
@pytest.mark.parametrize(("data", "code"), TEXTS.values(), ids=TEXTS)
def test_text(command, data, code, tmp_path):
    folder = copy(MINIMAL, tmp_path)
    (folder / "llm.yaml").write_bytes(data)
    status, said = ends(command, folder)
    assert (status == 1 and code in said) or not code or (command == "lock" and code == "LS305")
    assert "\x1b" not in said


@pytest.mark.parametrize("style", ["json", "sarif", "github", "gitlab", "concise", "full"])
@pytest.mark.parametrize("name", ["escape character", "binary", "braces", "tagged value", "lone surrogate"])
def test_said_in_every_format(name, style, tmp_path):
    folder = copy(MINIMAL, tmp_path)
    (folder / "llm.yaml").write_bytes(TEXTS[name][0])
    done = CliRunner().invoke(main, ["check", str(folder), "--output-format", style])
    assert done.exit_code == 1
    if style in ("json", "sarif", "gitlab"):
        assert json.loads(done.stdout)


MEASURED = """
import atexit, pathlib, re, sys
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: print(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1], file=sys.stderr))
from llmspec.cli import run
run()
"""
LARGE = {
    "nothing but a": lambda: b"a" * 50_000_000,
    "lists": lambda: b"[" * 50_000_000,
    "lines": lambda: b"a: b\n" * 10_000_000,
    "just below the limit": lambda: b"a:\n" + b"- {b: [c, d]}\n" * 74_000,
    "one long word": lambda: b"a: " + b"b" * 1_048_000,
    "quotes": lambda: b'a: "' + b"\\n" * 500_000,
    "anchors": lambda: b"".join(b"- &a%d x\n" % n for n in range(60_000)),
    "host": lambda: TEXT.replace("ghcr.io/acme", "a" * 1_000_000 + "!").encode(),
    "secrets": lambda: b"a: " + b"://a:" * 200_000,
    "breaks": lambda: b"a: b\n\r\x0b\x0c" * 100_000,
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured by /proc")
@pytest.mark.parametrize("name", LARGE)
def test_large_is_answered_in_little_memory(name, tmp_path):
    (tmp_path / "llm.yaml").write_bytes(LARGE[name]())
    argv = (sys.executable, "-c", MEASURED, "check", tmp_path / "llm.yaml")
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    said, _, kibibytes = done.stderr.rstrip().rpartition("\n")
    assert (done.returncode, int(kibibytes) < 200 * 1024) == (1, True), kibibytes
    assert "error[LS" in said
    assert len(said) < 10_000


"""Other tests run beside this one."""


def is_fifo(path):
    path.unlink()
    os.mkfifo(path)


def is_folder(path):
    path.unlink()
    path.mkdir()


def is_missing(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def is_link(target):
    def make(path):
        is_missing(path)
        path.symlink_to(target)

    return make


PLACES = ("llm.yaml", "llm.lock", PROMPT, DATASET, DOCUMENT, CONFIG, GRAPH)
FORMS = {
    "fifo": is_fifo,
    "folder": is_folder,
    "missing": is_missing,
    "link out": is_link("/etc/passwd"),
    "link to a device": is_link("/dev/zero"),
    "link to itself": is_link("itself"),
    "link to a folder out": is_link("/etc"),
    "broken link": is_link("nowhere"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("path", PLACES)
def test_what_is_no_file(path, form, tmp_path):
    folder = copy(FULL, tmp_path)
    FORMS[form](folder / path)
    for command in ("compile", "lock"):
        status, said = ends(command, folder)
        assert "root:" not in said, "the content of /etc/passwd"
        assert status or command == "lock" or not (folder / path).exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", ["corpus", "models/chat", "prompts", "tests"])
def test_folder_that_leads_out(path, tmp_path):
    folder = copy(FULL, tmp_path)
    is_link("/etc")(folder / path)
    for command in ("compile", "lock"):
        status, said = ends(command, folder)
        assert (status, "LS109" in said) == (1, True)


def test_names_that_are_no_spec(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where an empty name leads
    (tmp_path / "llm.yaml").mkdir()
    for arguments in ([str(tmp_path)], [str(tmp_path / "none")], ["/dev/zero"], ["\udcff"], [""], ["/etc/passwd"]):
        for command in ("compile", "check", "lock"):
            done = CliRunner().invoke(main, [command, *arguments])
            assert done.exit_code in (1, 2), (arguments, done.output)
            assert done.exception is None or isinstance(done.exception, SystemExit)


GARBAGE = {**{name: data for name, (data, _) in TEXTS.items()}, "json": b'{"version": 1, "files": [1]}'}


@pytest.mark.parametrize("name", GARBAGE)
def test_lock_of_garbage(name, tmp_path):
    folder = copy(MINIMAL, tmp_path)
    (folder / "llm.lock").write_bytes(GARBAGE[name])
    assert ends("compile", folder)[0] == 1
    assert ends("lock", folder)[0] == 0, "a broken lock is made anew"


DIGEST = "sha256:251eba5cc7c12fed0b75da22a9240e582b1c9e39f6fbc064f86781b963bd814f"
LOCKS = {
    "no digest": (DIGEST, "latest"),
    "a second word": (DIGEST, '"x --build-arg y"'),
    "a second line": (DIGEST, '"x\\nRUN evil"'),
    "another version": ("version: 1", "version: 2"),
    "a number as digest": (DIGEST, "1"),
}


@pytest.mark.parametrize(("old", "new"), LOCKS.values(), ids=LOCKS)
def test_lock_with_a_foreign_value(old, new, tmp_path):
    folder = copy(MINIMAL, tmp_path)
    text = (folder / "llm.lock").read_text("utf-8")
    assert text.count(old) == 1
    (folder / "llm.lock").write_text(text.replace(old, new), "utf-8")
    status, said = ends("compile", folder)
    assert (status, "LS301" in said) == (1, True)


GOOD = json.loads((MINIMAL / "chat" / "config.json").read_text("utf-8"))
CONFIGS = {
    "nothing": b"",
    "list": b"[]",
    "binary": b"\xff\xfe\x00",
    "deep lists": b'{"a":' + b"[" * 100_000,
    "deep mappings": b'{"a":' * 100_000,
    "huge number": b'{"hidden_size": 1e400}',
    "huge integer": b'{"hidden_size": ' + b"9" * 5000 + b"}",
    "text config is a list": b'{"text_config": []}',
    **{f"{key} is {bad!r}": json.dumps({**GOOD, key: bad}).encode() for key in (
        "num_attention_heads", "hidden_size", "vocab_size", "num_hidden_layers", "torch_dtype", "model_type",
        "head_dim",
    ) for bad in (None, -1, 0, "x", [], {}, 1e308, 10**300, True)},
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_config_of_garbage(name, tmp_path):
    folder = copy(MINIMAL, tmp_path)
    (folder / "chat" / "config.json").write_bytes(CONFIGS[name])
    locked, _ = ends("lock", folder)
    assert locked == 1 or ends("compile", folder)[0] in {0, 1}


INDEXES = (b"[]", b'{"metadata": []}', b'{"metadata": {"total_size": "x"}}', b'{"metadata": {"total_size": -1}}', b"{")


@pytest.mark.parametrize("data", INDEXES, ids=repr)
@pytest.mark.parametrize("name", ["model.safetensors.index.json", "SHA256SUMS"])
def test_beside_the_config(name, data, tmp_path):
    folder = copy(MINIMAL, tmp_path)
    (folder / "chat" / name).write_bytes(data)
    status, _ = ends("lock", folder)
    assert status == 1 or data == INDEXES[1], "no metadata is as good as none"


WHOLE = (FULL / GRAPH).read_bytes()
GRAPHS = {
    "nothing": b"",
    "zeros": bytes(1000),
    "text": b"hello" * 1000,
    "ones": b"\xff" * 1000,
    **{f"cut at {size}": WHOLE[:size] for size in (1, 10, 1000, len(WHOLE) - 1)},
    **{f"byte {place} changed": WHOLE[:place] + b"\xff" + WHOLE[place + 1 :] for place in range(0, 400, 23)},
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graph_of_garbage(name, tmp_path):
    folder = copy(FULL, tmp_path)
    (folder / GRAPH).write_bytes(GRAPHS[name])
    locked, _ = ends("lock", folder)
    assert locked == 1 or ends("compile", folder)[0] in {0, 1}


ROWS = (b"", b"\n\n", b"[]\n", b"{\n", b"\xff\n", b"[" * 100_000, b'{"a":' * 100_000, b'{"inputs": 1}\n', b"1e999\n")


@pytest.mark.parametrize("data", ROWS, ids=lambda data: repr(data[:12]))
@pytest.mark.parametrize("path", [DATASET, PROMPT])
def test_data_of_garbage(path, data, tmp_path):
    folder = copy(FULL, tmp_path)
    (folder / path).write_bytes(data)
    assert ends("lock", folder)[0] == 0
    assert ends("compile", folder)[0] == 1


def test_data_larger_than_memory_should_hold(tmp_path):
    folder = copy(FULL, tmp_path)
    with (folder / DATASET).open("wb") as file:
        file.truncate(65 * 2**20)
    assert ends("lock", folder)[0] == 0
    status, said = ends("compile", folder)
    assert (status, "LS109" in said) == (1, True)
