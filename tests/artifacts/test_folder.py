"""Reading below one folder: nothing outside, nothing that hangs, digests that a person can check."""

import hashlib
import os
import subprocess

import pytest

from llmspec.artifacts.folder import Folder, Unreadable


@pytest.fixture
def root(tmp_path):
    (tmp_path / "in" / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "a.txt").write_bytes(b"abc")
    (tmp_path / "in" / "docs" / "b.md").write_bytes(b"b")
    (tmp_path / "in" / "docs" / "deep" / "c.md").write_bytes(b"c")
    (tmp_path / "in" / "docs" / ".hidden").write_bytes(b"x")
    (tmp_path / "secret").write_bytes(b"secret")
    return tmp_path / "in"


def test_a_file_is_its_sha256(root):
    digest = Folder(root).digest("a.txt")
    assert (digest.sha256, digest.size, digest.files) == (hashlib.sha256(b"abc").hexdigest(), 3, 0)


def test_a_folder_is_the_sha256_of_its_sha256sum(root):
    command = "find . -type f ! -name '.*' -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    shown = subprocess.run(["sh", "-c", command], cwd=root / "docs", capture_output=True, text=True, check=True).stdout
    digest = Folder(root).digest("docs")
    assert (digest.sha256, digest.size, digest.files) == (shown.split()[0], 2, 2)


def test_renaming_a_file_changes_the_folder(root):
    before = Folder(root).digest("docs")
    (root / "docs" / "b.md").rename(root / "docs" / "a.md")
    assert Folder(root).digest("docs") != before


@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "../in-other"])
def test_a_link_out_of_the_folder_is_refused(root, target):
    (root / "link").symlink_to(target)
    (root / "docs" / "link").symlink_to(target if target.startswith("/") else f"../{target}")
    for path in ("link", "docs"):
        with pytest.raises(Unreadable, match="leads out"):
            Folder(root).digest(path)
    with pytest.raises(Unreadable, match="leads out"):
        Folder(root).read("link")


def test_a_link_inside_is_followed(root):
    (root / "link").symlink_to("docs/b.md")
    assert Folder(root).read("link") == b"b"


@pytest.mark.parametrize(
    ("path", "words"), [("docs", "directory"), ("nowhere", "no such file"), ("pipe", "no regular file")]
)
def test_what_cannot_be_read(root, path, words):
    os.mkfifo(root / "pipe")
    with pytest.raises(Unreadable, match=words):
        Folder(root).read(path)


def test_it_remembers_what_it_looked_at(root):
    folder = Folder(root)
    folder.digest("docs")
    assert {str(root / "docs"), str(root / "docs" / "deep"), str(root / "docs" / "b.md")} <= folder.seen


def test_what_is_not_in_git_does_not_count(root):
    before = Folder(root).digest("docs", (".data",))
    (root / "docs" / "__pycache__").mkdir()
    (root / "docs" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (root / "docs" / "weights.data").write_bytes(b"x")
    assert Folder(root).digest("docs", (".data",)) == before
    assert Folder(root).digest("docs") != before
