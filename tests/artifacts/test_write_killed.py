"""Whatever happens to the writer, an observer sees one tree or the other."""

# System calls are what is tested here.
# ruff: noqa: PTH112, PTH116, PTH208

import json
import os
import random
import signal
import time
from collections import Counter
from contextlib import contextmanager
from hashlib import sha256
from itertools import count

import pytest

from llmspec.artifacts import exchange
from llmspec.artifacts.manifest import manifest
from llmspec.artifacts.tree import File, Tree
from llmspec.artifacts.write import write

SYSTEM_CALLS = ("chmod", "fchmod", "link", "mkdir", "open", "rename", "rmdir", "scandir", "unlink")


def tree(version):
    """Files that change, files that stay, and two that only this version has."""
    names = [f"{folder}/{number}" for folder in ("a", "a/b", "c") for number in range(4)]
    contents = dict.fromkeys(names, version * 100)
    contents |= {f"same/{number}": "same" for number in range(4)}
    contents |= {f"only-{version}": version, f"deep/only/{version}": version}
    return Tree("chat", tuple(File(path=path, purpose="p", content=text.encode()) for path, text in contents.items()))


OLD, NEW = tree("old"), tree("new")
COMPLETE = {
    frozenset({(file.path, file.content) for file in (*each.files, manifest(each))} | {("notes", b"mine")}): each
    for each in (OLD, NEW)
}


def contents(descriptor, prefix=""):
    """All files below an open folder, by descriptors only."""
    for name in os.listdir(descriptor):
        below = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=descriptor)
        try:
            if os.path.isdir(f"/proc/self/fd/{below}"):
                yield from contents(below, f"{prefix}{name}/")
            else:
                yield f"{prefix}{name}", os.read(below, 1 << 20)
        finally:
            os.close(below)


def observed(folder):
    """The tree that lies at `folder`. While it is read it may be replaced and deleted: only then look again.

    What is read through a descriptor is one and the same folder; so if that is still the one at this path after
    reading, what was read is what everybody sees, and has to be complete.
    """
    while True:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # fails if it is missing
        try:
            try:
                found = frozenset(contents(descriptor))
            except FileNotFoundError:
                found = None
            if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
                assert found in COMPLETE, "a mixed tree"
                return COMPLETE[found]
        finally:
            os.close(descriptor)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "out" / "chat"
    write(OLD, folder)
    (folder / "notes").write_text("mine")
    return folder


@contextmanager
def child(action):
    """A process of its own that runs `action` for as long as the block lasts."""
    if not (process := os.fork()):
        try:
            action()
        finally:
            os._exit(0)
    try:
        yield process
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def back_and_forth(folder):
    for each in (NEW, OLD) * 10**6:
        write(each, folder)


def tidy(folder):
    """The next run finds everything in order, and leaves nothing else behind."""
    assert write(NEW, folder).foreign == ("notes",)
    assert observed(folder) is NEW
    assert os.listdir(folder.parent) == ["chat"]


def test_killed_at_random_moments(folder):
    """At least forty, and on a busy machine as many more as it takes to see both trees."""
    moments, seen = random.Random(1), Counter()  # noqa: S311
    for number in range(2000):
        if number >= 40 and min(seen[False], seen[True]) > 0:
            break
        with child(lambda: back_and_forth(folder)):
            end = time.monotonic() + moments.uniform(0.001, 0.05)
            while time.monotonic() < end:
                seen[observed(folder) is NEW] += 1
        observed(folder)
    assert min(seen[False], seen[True]) > 0, "both trees were seen, or nothing was tested"
    tidy(folder)


def killed_at(number, folder):
    """Write, and die right before the system call of that number; True if there were not so many."""

    def action():
        calls = count()

        def counted(real):
            def call(*arguments, **more):
                if next(calls) == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments, **more)

            return call

        for name in SYSTEM_CALLS:
            setattr(os, name, counted(getattr(os, name)))
        exchange.exchange = counted(exchange.exchange)
        write(NEW, folder)

    if not (process := os.fork()):
        try:
            action()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


def test_killed_before_every_single_call(folder):
    seen = Counter()
    for number in count():
        if killed_at(number, folder):
            break
        now = observed(folder)
        seen[now is NEW] += 1
        if now is NEW:
            tidy(folder)
        write(OLD, folder)
        assert os.listdir(folder.parent) == ["chat"]
    assert min(seen[False], seen[True]) > 30


def test_killed_before_every_single_call_where_there_is_no_exchange(folder, monkeypatch):
    def unsupported(*_):
        raise OSError(exchange.errno.ENOSYS, "no")

    monkeypatch.setattr(exchange, "exchange", unsupported)
    missing = 0
    for number in count():
        if killed_at(number, folder):
            break
        missing += not folder.exists()
        if folder.exists():
            observed(folder)
        tidy(folder)
        write(OLD, folder)
    assert missing == 1


def test_the_first_tree_is_complete_from_its_first_moment(tmp_path):
    folder = tmp_path / "chat"
    for number in count():
        finished = killed_at(number, folder)
        if folder.exists():
            break
    assert not finished or number > 30
    (folder / "notes").write_text("mine")
    assert observed(folder) is NEW
    tidy(folder)


def test_two_writers_at_once(folder):
    with child(lambda: back_and_forth(folder)), child(lambda: back_and_forth(folder)):
        end = time.monotonic() + 0.7
        seen = Counter(observed(folder) is NEW for _ in iter(lambda: time.monotonic() < end, False))
    assert min(seen[False], seen[True]) > 0, "both trees were seen, or nothing was tested"
    tidy(folder)


def test_two_environments_at_once(tmp_path):
    """Each writer reads the manifest and writes it back; neither may lose what the other has done."""
    folder = tmp_path / "chat"

    def version(number):
        contents = {f"{place}/file": str(number) for place in ("production", "staging")}
        return Tree(
            "chat", tuple(File(path=path, purpose="p", content=text.encode()) for path, text in contents.items())
        )

    def rise(place):
        for number in range(1, 51):
            write(version(number), folder, place)

    children = []
    for place in ("production", "staging"):
        if not (process := os.fork()):
            try:
                rise(place)
            finally:
                os._exit(0)
        children.append(process)
    for process in children:
        os.waitpid(process, 0)
    assert (folder / "production/file").read_text() == (folder / "staging/file").read_text() == "50"
    digests = {entry["sha256"] for entry in json.loads((folder / "MANIFEST.json").read_bytes())["artifacts"].values()}
    assert digests == {sha256(b"50").hexdigest()}
