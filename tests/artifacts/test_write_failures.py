# System calls are what is tested here.
# ruff: noqa: PTH105, PTH112, PTH116
import ctypes
import errno
import os
import resource
import shutil
import stat
import subprocess
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from trees import NEW, OLD, lies, siblings, tree, unsupported

from llmspec.artifacts import exchange, staging
from llmspec.artifacts import write as writing
from llmspec.artifacts.write import CannotWrite, write


def as_nobody(action):
    """Run in a child that is not root, for whom modes count; gives what it raised."""
    reader, writer = os.pipe()
    if not (child := os.fork()):
        with suppress(BaseException):
            try:
                if os.getuid() == 0:
                    os.setgid(65534)
                    os.setuid(65534)
                action()
            except BaseException as error:  # noqa: BLE001
                os.write(writer, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as stream:
        return stream.read().decode()


def test_a_parent_that_may_not_be_written():
    with TemporaryDirectory() as parent:
        folder = Path(parent) / "chat"
        write(OLD, folder)
        folder.parent.chmod(0o555)
        said = as_nobody(lambda: write(NEW, folder))
        folder.parent.chmod(0o755)
        assert said == f"CannotWrite: cannot write {folder}: permission denied"
        assert lies(OLD, folder)
        assert siblings(folder) == ["chat"]


def test_a_closed_folder_that_is_not_ours():
    def action():
        folder = Path(parent) / "own" / "chat"
        write(OLD, folder)
        (folder / "closed/deep").mkdir(parents=True)
        (folder / "closed/deep/file").write_text("mine")
        (folder / "closed/deep").chmod(0o555)
        (folder / "closed").chmod(0o555)
        write(NEW, folder)
        assert lies(NEW, folder)
        assert (folder / "closed/deep/file").read_text() == "mine"
        assert stat.S_IMODE(os.stat(folder / "closed/deep").st_mode) == 0o555
        assert siblings(folder) == ["chat"]

    with TemporaryDirectory() as parent:
        Path(parent).chmod(0o777)
        assert as_nobody(action) == ""


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount")
def test_a_mount_below_is_not_moved_away(folder):
    (folder / "mount").mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", folder / "mount"], check=False, capture_output=True).returncode:
        pytest.skip("not even root may mount here")
    try:
        with pytest.raises(CannotWrite, match="more than one file system"):
            write(NEW, folder)
        assert os.path.ismount(folder / "mount")
    finally:
        subprocess.run(["umount", folder / "mount"], check=True)
    assert siblings(folder) == ["chat"]


def test_a_kernel_that_says_no():
    with pytest.raises(CannotWrite, match=r"cannot write /proc/chat"):
        write(OLD, Path("/proc/chat"))


def test_no_room_left(folder):
    big = tree({"same": "1", "big": "x" * 100_000})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(CannotWrite, match="file too large"):
            write(big, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert lies(OLD, folder)
    assert siblings(folder) == ["chat"]


@pytest.mark.parametrize("call", ["mkdir", "link", "chmod", "rename"])
def test_every_failing_call_leaves_the_old_tree(folder, monkeypatch, call):
    """Whichever call fails, and whenever: the old tree is there, and no staging folder is."""
    (folder / "notes").write_text("mine")
    real, failures = getattr(os, call), 0
    for doomed in count():
        calls = iter(range(10**6))

        def failing(*arguments, calls=calls, doomed=doomed, **more):
            if next(calls) == doomed:
                raise OSError(errno.EXDEV, "no")
            return real(*arguments, **more)

        monkeypatch.setattr(os, call, failing)
        try:
            write(NEW, folder)
            assert lies(NEW, folder)
        except CannotWrite:
            failures += 1
            assert lies(OLD, folder)
        monkeypatch.setattr(os, call, real)
        write(OLD, folder)
        assert (folder / "notes").read_text() == "mine"
        assert siblings(folder) == ["chat"]
        if next(calls) <= doomed:
            break
    assert failures or call == "rename"


def test_an_interruption_leaves_the_old_tree(folder, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "swap", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(NEW, folder)
    assert lies(OLD, folder)
    assert siblings(folder) == ["chat"]


def test_what_was_saved_meanwhile_is_kept(folder, monkeypatch):
    (folder / "notes").write_text("old")
    swap = writing.swap

    def late(fresh, target):
        (folder / "draft").write_text("new")
        (folder / "notes").rename(folder / "notes")
        (folder / "deep/new").mkdir()
        (folder / "deep/new/file").write_text("new")
        os.replace(folder / "draft", folder / "notes")
        return swap(fresh, target)

    monkeypatch.setattr(writing, "swap", late)
    write(NEW, folder)
    assert (folder / "notes").read_text() == "new"
    assert (folder / "deep/new/file").read_text() == "new"
    assert not (folder / "deep/er/gone").exists()


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(folder):
    dead = folder.parent / ".chat.llmspec-4194304-0"
    (dead / "deep").mkdir(parents=True)
    (dead / "deep").chmod(0o555)
    others = [
        ".chat.llmspec-1-x",
        ".chat.llmspec-",
        ".chatty.llmspec-1-0",
        ".chat.llmspec-1-0.older",
        "chat.llmspec-1-0",
    ]
    for name in others:
        (folder.parent / name).mkdir()
    (folder.parent / ".chat.llmspec-2-0").symlink_to(folder)
    with staging.staging(str(folder.parent), "chat") as living:
        assert not write(OLD, folder).stale
        assert os.path.isdir(living)
    assert set(siblings(folder)) == {"chat", ".chat.llmspec-2-0", *others}
    assert lies(OLD, folder)


def test_a_tree_that_was_only_put_aside_comes_back(folder):
    folder.rename(folder.parent / ".chat.llmspec-4194304-0.old")
    shutil.copytree(folder.parent / ".chat.llmspec-4194304-0.old", folder.parent / ".chat.llmspec-4194304-0")
    (folder.parent / ".chat.llmspec-4194304-0.old" / "notes").write_text("mine")
    assert not write(OLD, folder).stale
    assert (folder / "notes").read_text() == "mine"
    assert siblings(folder) == ["chat"]


def test_two_renames_of_which_the_second_fails(tmp_path, monkeypatch):
    folder = tmp_path / "chat"
    write(OLD, folder)
    real = os.rename

    def rename(source, target):
        if target == str(folder) and not source.endswith(".old"):
            raise PermissionError(errno.EACCES, "no")
        real(source, target)

    monkeypatch.setattr(exchange, "exchange", unsupported)
    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(CannotWrite, match="no"):
        write(NEW, folder)
    assert lies(OLD, folder)
    assert siblings(folder) == ["chat"]


@pytest.mark.parametrize("way", ["wrapper", "number"])
def test_the_exchange_itself(tmp_path, monkeypatch, way):
    if way == "number":
        real = ctypes.CDLL(None, use_errno=True)
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: type("Musl", (), {"syscall": real.syscall})())
    left, right = tmp_path / "left", tmp_path / "right"
    left.mkdir()
    right.mkdir()
    (left / "a").write_text("")
    exchange.exchange(str(left), str(right))
    assert (right / "a").exists()
    assert not (left / "a").exists()
    with pytest.raises(FileNotFoundError):
        exchange.exchange(str(left), str(tmp_path / "none"))


def test_without_locks_it_still_writes(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(staging.fcntl, "flock", no_locks)
    folder = tmp_path / "chat"
    write(OLD, folder)
    stale = tmp_path / ".chat.llmspec-1-0"
    stale.mkdir()
    write(NEW, folder)
    assert lies(NEW, folder)
    assert stale.exists()  # nobody can tell whether its maker lives
