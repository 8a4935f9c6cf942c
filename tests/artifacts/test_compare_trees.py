import os
import shutil
import subprocess
from pathlib import Path

import pytest

from llmspec.artifacts.compare import Difference, compare, unified
from llmspec.artifacts.tree import File, Tree
from llmspec.artifacts.write import write


def tree(contents, executable=()):
    rows = (
        File(path=path, purpose="p", content=content.encode(), executable=path in executable)
        for path, content in contents.items()
    )
    return Tree("chat", tuple(rows))


OLD = tree({"same": "1\n", "differs": "1\n", "gone": "1\n", "production/a": "1\n", "staging/a": "1\n"})
NEW = tree({"same": "1\n", "differs": "2\n", "fresh": "2\n", "production/a": "2\n", "staging/a": "2\n"})


@pytest.fixture
def folder(tmp_path):
    write(OLD, tmp_path / "chat")
    return tmp_path / "chat"


def test_a_folder_that_is_not_there(tmp_path):
    assert compare(OLD, tmp_path / "chat") == Difference(
        new=("MANIFEST.json", "differs", "gone", "production/a", "same", "staging/a")
    )


def test_what_was_just_written_is_not_stale(folder):
    difference = compare(OLD, folder)
    assert difference == Difference(unchanged=6)
    assert not difference.stale


def test_every_kind_of_difference(folder):
    (folder / "notes.md").write_text("mine")
    (folder / "gone").write_text("edited")
    assert compare(NEW, folder) == Difference(
        new=("fresh",),
        changed=("MANIFEST.json", "differs", "production/a", "staging/a"),
        removed=("gone",),
        edited=("gone",),
        foreign=("notes.md",),
        unchanged=1,
    )


def test_an_edit_is_told_from_our_own_change(folder):
    (folder / "differs").write_text("a person wrote this\n")
    assert compare(NEW, folder).edited == ("differs",)
    assert compare(OLD, folder) == Difference(changed=("differs",), edited=("differs",), unchanged=5)


def test_an_edit_that_is_what_we_would_write_is_none(folder):
    (folder / "differs").write_text("2\n")
    difference = compare(NEW, folder)
    assert difference.edited == ()
    assert "differs" not in difference.changed


def test_a_file_in_our_place_that_we_never_wrote_counts_as_edited(tmp_path):
    (tmp_path / "same").write_text("mine")
    (tmp_path / "differs").write_text("2\n")
    difference = compare(NEW, tmp_path)
    assert (difference.edited, difference.changed, difference.foreign) == (("same",), ("same",), ())


def test_only_one_environment(folder):
    (folder / "production/mine").write_text("")
    (folder / "elsewhere").write_text("")
    for only in ("production/", "production"):
        assert compare(NEW, folder, only) == Difference(
            changed=("MANIFEST.json", "production/a"), foreign=("production/mine",), unchanged=0
        )


def test_only_is_a_folder_and_not_a_prefix(tmp_path):
    both = tree({"production-eu/a": "1", "production/a": "1"})
    assert compare(both, tmp_path / "chat", "production").new == ("MANIFEST.json", "production/a")


def test_the_executable_bit_counts(folder):
    mode = tree({file.path: file.content.decode() for file in OLD.files}, executable={"same"})
    assert compare(mode, folder).changed == ("same",)
    assert "same: now executable\n" in unified(mode, folder)


def test_a_missing_manifest_is_stale(folder):
    (folder / "MANIFEST.json").unlink()
    assert compare(OLD, folder) == Difference(new=("MANIFEST.json",), unchanged=5)


def test_no_link_is_followed(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a").write_text("1\n")
    shutil.rmtree(folder / "production")
    (folder / "production").symlink_to(elsewhere)
    (folder / "same").unlink()
    (folder / "same").symlink_to(elsewhere / "a")
    difference = compare(OLD, folder)
    assert difference.new == ("production/a",)
    assert difference.changed == ("same",)
    assert difference.foreign == ("production",)
    (tmp_path / "link").symlink_to(folder)
    assert compare(OLD, tmp_path / "link").unchanged == 0


def test_a_pipe_in_our_place_does_not_block(folder):
    (folder / "same").unlink()
    os.mkfifo(folder / "same")
    assert compare(OLD, folder).edited == ("same",)
    assert compare(tree({"same": ""}), folder).changed == ("MANIFEST.json", "same")


def test_a_hostile_manifest_is_as_good_as_none(folder, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("1\n")
    manifest = folder / "MANIFEST.json"
    manifest.write_text(manifest.read_text().replace('"gone"', '"../secret"'))
    difference = compare(NEW, folder)
    assert difference.removed == ()
    assert difference.foreign == ("gone",)


def test_a_huge_manifest_is_not_read(folder):
    os.truncate(folder / "MANIFEST.json", 1 << 40)
    assert compare(NEW, folder).foreign == ("gone",)


def test_the_diff_is_what_patch_makes_of_it(folder, tmp_path):
    new = tree(
        {"same": "1\n", "differs": "2\nno end", "fresh": "n\n", "production/a": "", "staging/a": "1\n2\n\u2028x\n"}
    )
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    text = unified(new, folder)
    subprocess.run(["patch", "-s", "-p1", "-E", "-d", copy], input=text.encode(), check=True)
    for file in new.files:
        made = copy / file.path
        assert (made.read_bytes() if made.exists() else b"") == file.content
    assert not (copy / "gone").exists()


def test_the_diff_in_full(folder):
    (folder / "same").write_bytes(b"\xff\0")
    text = unified(
        tree({"same": "1\n", "differs": "2\n", "fresh": "2", "production/a": "1\n", "staging/a": "1\n"}), folder
    )
    assert text == (
        "Files a/MANIFEST.json and b/MANIFEST.json differ\n"
        "--- a/differs\n+++ b/differs\n@@ -1 +1 @@\n-1\n+2\n"
        "--- /dev/null\n+++ b/fresh\n@@ -0,0 +1 @@\n+2\n\\ No newline at end of file\n"
        "--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n"
        "Files a/same and b/same differ\n"
    )
    assert unified(NEW, Path(folder), "production/").count("+++") == 1


def test_no_difference_is_no_diff(folder):
    assert unified(OLD, folder) == ""
