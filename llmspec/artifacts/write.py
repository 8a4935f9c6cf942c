"""How a tree gets to the disk: all of it or nothing."""

# These are system calls, and read as such.
# ruff: noqa: PTH101, PTH102, PTH103, PTH105, PTH109, PTH112, PTH114, PTH115, PTH120, PTH123, PTH211

from __future__ import annotations

import os
from contextlib import suppress
from errno import EBUSY, EXDEV
from pathlib import Path
from stat import S_IMODE, S_ISREG

from llmspec.artifacts.compare import Difference, Survey, survey
from llmspec.artifacts.exchange import swap
from llmspec.artifacts.manifest import LIMIT, remembered
from llmspec.artifacts.scan import scan
from llmspec.artifacts.staging import recover, staging, turn
from llmspec.artifacts.tree import MANIFEST, File, Tree, folders


class CannotWrite(OSError):
    """A tree could not be written; what was there before still is. The text is a whole sentence."""


def write(tree: Tree, folder: Path, only: str = "") -> Difference:
    """Make `folder` hold `tree`, and return what that changed.

    The new tree grows in a folder beside it and then takes its place in one step, so that `folder` is at every moment
    the complete old or the complete new one, even for a process that is killed. Unchanged files keep their inode, and
    so do foreign ones, which are never touched. Where the file system cannot exchange two names (not Linux, or some
    network and FUSE file systems) `folder` is missing for an instant between two renames; a process killed right
    there leaves it missing until the next `write`, which puts the old tree back first. Nothing is synced: after a
    loss of power the usual promises of the file system hold, and no others.

    `only` names a folder of the tree; outside of it everything stays, in the manifest too. Raises CannotWrite.
    """
    try:
        parent = _parent(folder)
        with turn(parent):
            recover(parent, folder.name)
            return _write(tree, parent, folder.name, only)
    except CannotWrite:
        raise
    except OSError as error:
        raise CannotWrite(f"cannot write {folder}: {_reason(error)}") from error


def _parent(folder: Path) -> str:
    """The real path of the folder above; made if it is missing."""
    if folder.name in {"", ".."}:
        raise CannotWrite(f"cannot write {folder}: the output needs a folder of its own, and this is not a name of one")
    os.makedirs(folder.parent, exist_ok=True)
    return os.path.realpath(folder.parent)


def _reason(error: OSError) -> str:
    if error.errno == EXDEV:
        return (
            "it lies on more than one file system (a mount, or a layer of a container image), "
            "so it cannot be replaced as a whole; delete it, or choose another folder"
        )
    if error.errno == EBUSY:
        return "it is a mount point, which cannot be replaced; choose a folder inside of it"
    reason = (error.strerror or str(error)).lower()
    return reason if error.filename is None or ".llmspec-" in str(error.filename) else f"{reason}: {error.filename}"


def _write(tree: Tree, parent: str, name: str, only: str) -> Difference:
    target = f"{parent}/{name}"
    _refuse_other(target)
    both = survey(tree, Path(target), only)
    if both.difference.stale:
        _refuse(both, target)
        with staging(parent, name) as fresh:
            _fill(fresh, both)
            _rescue(swap(fresh, target), target, both)
    return both.difference


def _refuse_other(target: str) -> None:
    if os.path.islink(target):
        raise CannotWrite(
            f"cannot write {target}: it is a symbolic link, which is not followed; name the folder itself"
        )
    if os.path.lexists(target) and not os.path.isdir(target):
        raise CannotWrite(f"cannot write {target}: there is a file of that name")


def _refuse(both: Survey, target: str) -> None:
    if f"{os.getcwd()}/".startswith(f"{target}/"):
        raise CannotWrite(
            f"cannot write {target}: this command runs inside of it, and it gets replaced; run it outside"
        )
    if os.path.ismount(target):
        raise OSError(EBUSY, "")
    if len({stat.st_dev for stat in both.found.folders.values()}) > 1:
        raise OSError(EXDEV, "")
    kept = _kept(both)
    if blocked := (kept & {*folders(both.files)}) | (both.files.keys() & {*folders(kept)}):
        raise CannotWrite(f"cannot write {target}: {min(blocked)} is in the way; it was not generated, so move it away")


def _kept(both: Survey) -> set[str]:
    """The files that only move house: foreign ones, and those outside of `only`."""
    return both.found.files.keys() - both.files.keys() - set(both.difference.removed)


def _fill(fresh: str, both: Survey) -> None:
    """Build the new tree in `fresh`: folders, then files, then the folders' modes, which may forbid writing."""
    kept, made = _kept(both), both.files
    needed = {*folders(kept), *folders(made), *_empty(both)}
    for path in sorted(needed):
        os.mkdir(f"{fresh}/{path}")
    altered = {*both.difference.new, *both.difference.changed}
    for path in made.keys() - altered:
        if not _link(both, path, fresh):
            _create(f"{fresh}/{path}", made[path])
    for path in altered:
        _create(f"{fresh}/{path}", made[path])
    for path in kept:
        if not _link(both, path, fresh):
            _copy(both, path, fresh)
    for path in {"", *needed} & both.found.folders.keys():
        _adopt(f"{fresh}/{path}", both.found.folders[path])


def _empty(both: Survey) -> set[str]:
    """Folders with nothing in them, together with those above them, unless a file takes their place."""
    full = {*folders(both.found.files), *folders(both.found.folders)}
    empty = both.found.folders.keys() - full - {""}
    free = {path for path in empty if both.files.keys().isdisjoint({path, *folders([path])})}
    return free | {*folders(free)}


def _link(both: Survey, path: str, fresh: str) -> bool:
    """Give a file, or a link itself, its second name in `fresh`; False where its owner or file system forbids that."""
    try:
        os.link(f"{both.found.root}/{path}", f"{fresh}/{path}", follow_symlinks=False)
    except (FileNotFoundError, NotImplementedError):
        return False
    except OSError as error:
        if error.errno == EXDEV:
            raise
        return False
    return True


def _create(path: str, file: File) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o755 if file.executable else 0o644), "wb") as stream:
        stream.write(file.content)


def _copy(both: Survey, path: str, fresh: str) -> None:
    """What cannot be linked: a link is made again; a regular file is copied with its mode and times."""
    source, stat = f"{both.found.root}/{path}", both.found.files[path]
    if os.path.islink(source):
        os.symlink(os.readlink(source), f"{fresh}/{path}")
        return
    if not S_ISREG(stat.st_mode):
        raise CannotWrite(f"cannot write {both.found.root}: {path} is no regular file and cannot be kept; move it away")
    with suppress(FileNotFoundError):
        _copy_bytes(source, f"{fresh}/{path}", stat)


def _copy_bytes(source: str, target: str, stat: os.stat_result) -> None:
    with open(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb") as before, open(target, "xb") as after:
        while block := before.read(1 << 20):
            after.write(block)
    os.chmod(target, S_IMODE(stat.st_mode))
    os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _adopt(path: str, stat: os.stat_result) -> None:
    """Owner first: changing it clears the bit that hands the group down."""
    with suppress(OSError):
        os.chown(path, stat.st_uid, stat.st_gid)
    os.chmod(path, S_IMODE(stat.st_mode))


def _rescue(displaced: str, target: str, both: Survey) -> None:
    """Bring over what a person saved into the old tree after it was looked at."""
    late = scan(Path(displaced))
    ours = {MANIFEST, *both.old, *both.files, *remembered(late.content(MANIFEST, LIMIT) or b"")}
    for path in late.files.keys() - ours:
        before = both.found.files.get(path)
        if before is None or not os.path.samestat(before, late.files[path]):
            with suppress(OSError):
                os.makedirs(os.path.dirname(f"{target}/{path}"), exist_ok=True)
                os.replace(f"{displaced}/{path}", f"{target}/{path}")
