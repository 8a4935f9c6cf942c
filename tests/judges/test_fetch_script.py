"""fetch.sh really runs, with a stand-in for the download: complete and verified, or not at all."""

import hashlib
import subprocess
import time

import pytest
from judged import distinct

SCRIPTS = distinct("fetch.sh")
DOWNLOAD = """#!/bin/sh
set -eu
folder=$1; shift
printf '%s\\n' "$*" >> "$LOG"
printf weights > "$folder/model.safetensors"
[ -z "${SLOW-}" ] || sleep "$SLOW"
[ -z "${FAIL-}" ] || exit 7
"""
SUM = hashlib.sha256(b"weights").hexdigest()


@pytest.fixture(params=SCRIPTS)
def place(request, tmp_path):
    """The script as in its image, which has it and its download at a fixed place."""
    text = request.param.read_text("utf-8")
    assert text.count("/opt/llmspec/download.sh") == 1
    (tmp_path / "fetch.sh").write_text(text.replace("/opt/llmspec/download.sh", f"{tmp_path}/download.sh"))
    (tmp_path / "download.sh").write_text(DOWNLOAD)
    (tmp_path / "download.sh").chmod(0o755)
    (tmp_path / "cache").mkdir()
    return tmp_path


def start(place, sums="-", *, host="one", **more):
    """`uname` is a stand-in, too: each pod has a name of its own."""
    tools = place / f"tools-{host}"
    tools.mkdir(exist_ok=True)
    (tools / "uname").write_text(f"#!/bin/sh\necho {host}\n")
    (tools / "uname").chmod(0o755)
    argv = ("sh", place / "fetch.sh", place / "cache" / "chat", sums, "org/model", "0123")
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "LOG": str(place / "log"), **more}
    return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def fetch(place, sums="-", **more):
    process = start(place, sums, **more)
    said, _ = process.communicate(timeout=20)
    return process.returncode, said


def listing(place):
    return sorted(path.relative_to(place / "cache").as_posix() for path in (place / "cache").rglob("*"))


def sums(place, digest=SUM):
    (place / "SHA256SUMS").write_text(f"{digest}  model.safetensors\n")
    return place / "SHA256SUMS"


COMPLETE = ["chat", "chat/.complete", "chat/model.safetensors"]


def test_complete(place):
    assert fetch(place)[0] == 0
    assert listing(place) == COMPLETE
    assert (place / "log").read_text() == "org/model 0123\n"


def test_a_second_run_downloads_nothing(place):
    fetch(place)
    assert fetch(place) == (0, f"{place}/cache/chat is complete\n")
    assert (place / "log").read_text().count("\n") == 1


def test_checksums_are_verified(place):
    assert fetch(place, sums(place))[0] == 0
    assert listing(place) == COMPLETE


@pytest.mark.parametrize("case", ["other bytes", "missing file", "no list", "garbage"])
def test_what_cannot_be_verified_leaves_nothing(place, case):
    listed = sums(place, "0" * 64)
    if case == "missing file":
        listed.write_text(f"{SUM}  model.safetensors\n{SUM}  other.safetensors\n")
    elif case == "no list":
        listed.unlink()
    elif case == "garbage":
        listed.write_text("garbage\n")
    assert fetch(place, listed)[0] != 0
    assert listing(place) == []


def test_a_failed_download_leaves_nothing(place):
    assert fetch(place, FAIL="yes")[0] == 7
    assert listing(place) == []


def test_two_at_once(place):
    """Both succeed, and one set of weights is left."""
    both = [start(place, host=host, SLOW="0.5") for host in ("one", "two")]
    said = [process.communicate(timeout=20)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert listing(place) == COMPLETE


def test_an_incomplete_folder_is_refused(place):
    (place / "cache" / "chat").mkdir()
    (place / "cache" / "chat" / "half").write_text("x")
    status, said = fetch(place)
    assert status == 1
    assert "remove it" in said
    assert listing(place) == ["chat", "chat/half"]


def test_stopped(place):
    process = start(place, SLOW="1")
    deadline = time.monotonic() + 10
    while not (place / "log").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 143
    assert listing(place) == []


def test_what_a_killed_pod_left_is_cleared(place):
    (place / "cache" / "chat.part-one").mkdir()
    (place / "cache" / "chat.part-one" / "junk").write_text("x")
    assert fetch(place)[0] == 0
    assert listing(place) == COMPLETE
