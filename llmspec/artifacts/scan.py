"""What lies in a folder: every file and folder below it, following no link."""

# The built-in `open` takes a descriptor, which is how a link is not followed.
# ruff: noqa: PTH123

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from msgspec import Struct


class Scan(Struct, frozen=True):
    """Paths relative to `root`, with `/`. Whatever is not a folder is in `files`: links, pipes and sockets too."""

    root: str
    files: dict[str, os.stat_result]
    folders: dict[str, os.stat_result]

    def content(self, path: str, limit: int) -> bytes | None:
        """The bytes of a regular file that has at most `limit` of them, else None."""
        stat = self.files.get(path)
        if stat is None or not S_ISREG(stat.st_mode) or stat.st_size > limit:
            return None
        try:
            with open(os.open(f"{self.root}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
                return stream.read(limit + 1)
        except OSError:
            return None

    def executable(self, path: str) -> bool:
        return bool(self.files[path].st_mode & 0o100)


def scan(root: Path) -> Scan:
    """All that is below `root`; nothing if that is no folder, or a link to one. What vanishes meanwhile is left out."""
    found = Scan(str(root), {}, {})
    try:
        top = os.lstat(root)
    except OSError:
        return found
    if S_ISDIR(top.st_mode):
        found.folders[""] = top
        _descend(found, "")
    return found


def _descend(found: Scan, folder: str) -> None:
    try:
        entries = os.scandir(f"{found.root}/{folder}")
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            _enter(found, f"{folder}{entry.name}", entry)


def _enter(found: Scan, path: str, entry: os.DirEntry[str]) -> None:
    try:
        stat = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    if S_ISDIR(stat.st_mode):
        found.folders[path] = stat
        _descend(found, f"{path}/")
    else:
        found.files[path] = stat
