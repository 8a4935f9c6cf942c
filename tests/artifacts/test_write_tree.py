# System calls are what is tested here.
# ruff: noqa: PTH115, PTH116
import errno
import os
import shutil
import stat
from pathlib import Path

import pytest
from trees import NEW, OLD, lies, paths, siblings, tree

from llmspec.artifacts.compare import Difference, compare
from llmspec.artifacts.write import CannotWrite, write


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
    def state(path):
        """All but the time of the last access, which reading changes."""
        found = os.lstat(path)
        return found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def states():
        return {path: state(path) for path in (folder.parent, folder, *folder.rglob("*"))}

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
