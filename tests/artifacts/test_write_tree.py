# System calls are what is tested here.
# ruff: noqa: PTH105, PTH112, PTH115, PTH116
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

from llmspec.artifacts import exchange, staging
from llmspec.artifacts import write as writing
from llmspec.artifacts.compare import Difference, compare
from llmspec.artifacts.tree import File, Tree
from llmspec.artifacts.write import CannotWrite, write


def tree(contents, executable=()):
    rows = (
        File(path=path, purpose="p", content=content.encode(), executable=path in executable)
        for path, content in contents.items()
    )
    return Tree("chat", tuple(rows))


OLD = tree({"same": "1", "deep/er/differs": "1", "deep/er/gone": "1", "lost/gone": "1", "run.sh": "1"}, {"run.sh"})
NEW = tree({"same": "1", "deep/er/differs": "2", "fresh/er": "2", "run.sh": "1"}, {"run.sh"})


@pytest.fixture(params=["exchange", "two renames"])
def folder(request, tmp_path, monkeypatch):
    """A written tree, alone in its folder; once as the kernel does it, once where the kernel cannot."""
    if request.param == "two renames":
        monkeypatch.setattr(exchange, "exchange", unsupported)
    folder = tmp_path / "out" / "chat"
    write(OLD, folder)
    return folder


def unsupported(left, right):
    raise OSError(errno.EINVAL, f"no exchange of {left} and {right}")


def paths(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())


def lies(tree, folder):
    return all((folder / file.path).read_bytes() == file.content for file in tree.files)


def siblings(folder):
    return [path.name for path in folder.parent.iterdir()]


def test_a_new_folder(folder):
    assert paths(folder) == ["MANIFEST.json", "deep/er/differs", "deep/er/gone", "lost/gone", "run.sh", "same"]
    assert lies(OLD, folder)
    assert siblings(folder) == ["chat"]


def test_a_change(folder):
    before = os.stat(folder / "same")
    difference = write(NEW, folder)
    assert difference == Difference(
        new=("fresh/er",),
        changed=("MANIFEST.json", "deep/er/differs"),
        removed=("deep/er/gone", "lost/gone"),
        unchanged=2,
    )
    assert paths(folder) == ["MANIFEST.json", "deep/er/differs", "fresh/er", "run.sh", "same"]
    assert lies(NEW, folder)
    assert not (folder / "lost").exists()
    after = os.stat(folder / "same")
    assert (after.st_ino, after.st_mtime_ns, after.st_nlink) == (before.st_ino, before.st_mtime_ns, 1)
    assert siblings(folder) == ["chat"]
    assert not compare(NEW, folder).stale


def test_nothing_to_do_writes_nothing(folder):
    def states():
        return {path: os.lstat(path) for path in (folder.parent, folder, *folder.rglob("*"))}

    before = states()
    assert not write(OLD, folder).stale
    assert states() == before


def test_modes(folder):
    assert stat.S_IMODE(os.stat(folder / "run.sh").st_mode) & 0o111
    assert not stat.S_IMODE(os.stat(folder / "same").st_mode) & 0o111
    (folder / "run.sh").chmod(0o644)
    assert write(OLD, folder).changed == ("run.sh",)
    assert os.access(folder / "run.sh", os.X_OK)


def test_what_is_not_ours_stays(folder):
    (folder / "deep/notes").write_text("mine")
    (folder / "deep/er/absolute").symlink_to("/etc/passwd")
    (folder / "relative").symlink_to("../../elsewhere")
    (folder / "to-folder").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    (folder / "empty/er").mkdir(parents=True)
    (folder / "empty/er").chmod(0o711)
    (folder / "closed").mkdir()
    (folder / "closed/file").write_text("mine")
    (folder / "closed").chmod(0o555)
    folder.chmod(0o2750)
    names = ["deep/notes", "deep/er/absolute", "relative", "to-folder", "pipe", "closed/file"]
    before = {name: os.lstat(folder / name) for name in names}
    difference = write(NEW, folder)
    assert difference.foreign == tuple(sorted(names))
    for name in names:
        after = os.lstat(folder / name)
        assert os.path.samestat(before[name], after)
        assert (after.st_mode, after.st_mtime_ns) == (before[name].st_mode, before[name].st_mtime_ns)
    modes = {name: stat.S_IMODE(os.stat(folder / name).st_mode) for name in ("", "empty/er", "closed")}
    assert modes == {"": 0o2750, "empty/er": 0o711, "closed": 0o555}
    assert os.readlink(folder / "relative") == "../../elsewhere"
    assert siblings(folder) == ["chat"]
    assert lies(NEW, folder)


def test_where_nothing_can_be_linked_it_is_copied(folder, monkeypatch):
    def forbidden(*_, **__):
        raise PermissionError(errno.EPERM, "no")

    monkeypatch.setattr(os, "link", forbidden)
    (folder / "notes").write_text("mine")
    (folder / "notes").chmod(0o640)
    os.utime(folder / "notes", ns=(10**18, 10**18))
    (folder / "link").symlink_to("nowhere")
    write(NEW, folder)
    assert (folder / "notes").read_text() == "mine"
    assert os.stat(folder / "notes").st_mtime_ns == 10**18
    assert stat.S_IMODE(os.stat(folder / "notes").st_mode) == 0o640
    assert os.readlink(folder / "link") == "nowhere"
    assert lies(NEW, folder)


def test_only_one_environment(tmp_path):
    folder = tmp_path / "chat"
    write(tree({"top": "1", "production/a": "1", "production/b": "1", "staging/a": "1"}), folder)
    (folder / "staging/a").write_text("edited")
    (folder / "own").write_text("mine")
    new = tree({"top": "2", "production/a": "2", "production/c": "2", "staging/a": "2", "staging/c": "2", "own": "2"})
    difference = write(new, folder, "production/")
    assert difference == Difference(
        new=("production/c",), changed=("MANIFEST.json", "production/a"), removed=("production/b",)
    )
    contents = {path: (folder / path).read_text() for path in paths(folder) if path != "MANIFEST.json"}
    assert contents == {"own": "mine", "production/a": "2", "production/c": "2", "staging/a": "edited", "top": "1"}
    assert not compare(new, folder, "production/").stale
    rest = compare(new, folder)
    assert rest.edited == ("own", "staging/a")  # the manifest still tells what we wrote
    assert rest.changed == ("MANIFEST.json", "own", "staging/a", "top")


def test_a_link_is_no_way_out(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("er", "gone", "differs"):
        (elsewhere / name).write_text("theirs")
    shutil.rmtree(folder / "lost")
    (folder / "lost").symlink_to(elsewhere)  # `lost/gone` is to be removed
    (folder / "deep/er/differs").unlink()
    (folder / "deep/er/differs").symlink_to(elsewhere / "differs")
    write(NEW, folder)
    assert {path.name: path.read_text() for path in elsewhere.iterdir()} == dict.fromkeys(
        ("er", "gone", "differs"), "theirs"
    )
    assert not (folder / "deep/er/differs").is_symlink()
    assert (folder / "lost").is_symlink()
    assert lies(NEW, folder)


@pytest.mark.parametrize("there", ["link", "file"])
def test_what_stands_in_the_way_of_a_folder_is_refused(folder, tmp_path, there):
    if there == "link":
        (folder / "fresh").symlink_to(tmp_path)
    else:
        (folder / "fresh").write_text("mine")
    with pytest.raises(CannotWrite, match="fresh is in the way"):
        write(NEW, folder)
    assert lies(OLD, folder)
    assert siblings(folder) == ["chat"]
    assert not (tmp_path / "er").exists()


def test_what_stands_in_the_way_of_a_file_is_refused(folder):
    (folder / "fresh/er").mkdir(parents=True)
    write(NEW, folder)  # an empty folder is not worth a refusal
    write(OLD, folder)
    (folder / "fresh/er").mkdir(parents=True)
    (folder / "fresh/er/notes").write_text("mine")
    with pytest.raises(CannotWrite, match="fresh/er is in the way"):
        write(NEW, folder)
    assert (folder / "fresh/er/notes").read_text() == "mine"


def test_our_own_folder_may_become_a_file_and_back(folder):
    write(tree({"deep": "file"}), folder)
    assert (folder / "deep").read_text() == "file"
    write(NEW, folder)
    assert lies(NEW, folder)


def test_a_hostile_manifest_removes_nothing(folder):
    secret = folder.parent / "secret"
    secret.write_text("theirs")
    manifest = folder / "MANIFEST.json"
    manifest.write_text(manifest.read_text().replace('"lost/gone"', '"../secret"'))
    assert "lost/gone" in write(NEW, folder).foreign
    assert secret.read_text() == "theirs"


def test_a_link_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "chat").symlink_to(tmp_path / "real")
    with pytest.raises(CannotWrite, match="symbolic link"):
        write(OLD, tmp_path / "chat")
    assert not list((tmp_path / "real").iterdir())
    assert (tmp_path / "chat").is_symlink()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "chat").write_text("mine")
    with pytest.raises(CannotWrite, match="there is a file of that name"):
        write(OLD, tmp_path / "chat")
    with pytest.raises(CannotWrite, match=r"file exists|not a directory"):
        write(OLD, tmp_path / "chat" / "below")
    assert (tmp_path / "chat").read_text() == "mine"
    assert siblings(tmp_path / "chat") == ["chat"]


def test_the_folder_one_stands_in_is_refused(folder, monkeypatch):
    monkeypatch.chdir(folder / "deep")
    with pytest.raises(CannotWrite, match="runs inside of it"):
        write(NEW, folder)
    monkeypatch.chdir(folder)
    with pytest.raises(CannotWrite, match="folder of its own"):
        write(NEW, Path())


def test_a_relative_folder(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    write(NEW, Path("chat"))
    assert lies(NEW, folder)


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
