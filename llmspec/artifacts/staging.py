"""The folder beside the output in which a new tree grows, and what becomes of those whose makers died.

A maker holds a lock on its staging folder for as long as it lives; one whose lock can be had is nobody's. The names
are `.<folder>.llmspec-<process>-<number>`, and the same with `.old` for a tree that two renames put aside.
"""

# These are system calls, and read as such.
# ruff: noqa: PTH102, PTH104, PTH106

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

OLD = ".old"


@contextmanager
def turn(parent: str) -> Iterator[None]:
    """Wait until no other process writes a tree below `parent`; without locks on this file system, just go on."""
    descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def staging(parent: str, name: str) -> Iterator[str]:
    """A new, empty, locked folder in `parent`. Whatever lies at its path in the end is deleted."""
    path, descriptor = _claim(parent, name)
    try:
        yield path
    finally:
        for left in (path, path + OLD):
            discard(left)
        os.close(descriptor)


def _claim(parent: str, name: str) -> tuple[str, int]:
    for number in count():
        path = f"{parent}/{_prefix(name)}{os.getpid()}-{number}"
        with suppress(FileExistsError):
            os.mkdir(path)
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            if _locked(descriptor) is not False:
                return path, descriptor
            os.close(descriptor)  # somebody took it for a dead one's, and is deleting it
    raise AssertionError


def _locked(descriptor: int) -> bool | None:
    """Whether the lock is ours now; None where this file system has no locks, and nobody will look for one."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if isinstance(error, BlockingIOError) else None
    return os.fstat(descriptor).st_nlink > 0


def _abandoned(path: str) -> int | None:
    """An open, locked descriptor of a folder that nobody alive holds; else None."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    if _locked(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def recover(parent: str, name: str) -> None:
    """Clear up after runs that were killed: put a tree back that was only put aside, delete the rest."""
    for path in _leftovers(parent, name):
        descriptor = _abandoned(path)
        if descriptor is None:
            continue
        try:
            if path.endswith(OLD) and not os.path.lexists(f"{parent}/{name}"):
                os.rename(path, f"{parent}/{name}")
            else:
                discard(path)
        finally:
            os.close(descriptor)


def _leftovers(parent: str, name: str) -> list[str]:
    """Of several trees put aside for one folder the last made comes first."""
    prefix = _prefix(name)
    with os.scandir(parent) as entries:
        mine = [entry for entry in entries if entry.name.startswith(prefix) and _numbered(entry.name[len(prefix) :])]
        mine.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_ctime_ns, reverse=True)
    return [entry.path for entry in mine]


def _prefix(name: str) -> str:
    return f".{name}.llmspec-"


def _numbered(rest: str) -> bool:
    process, _, number = rest.removesuffix(OLD).partition("-")
    return process.isdecimal() and number.isdecimal()


def discard(path: str) -> None:
    """Delete the folder `path` and all below it, through no link. What cannot be deleted stays for the next run."""
    with suppress(OSError):
        for _, folders, files, descriptor in os.fwalk(path, topdown=False):
            with suppress(OSError):
                os.fchmod(descriptor, 0o700)
            for name in [*files, *folders]:
                _unlink(name, descriptor)
        os.rmdir(path)


def _unlink(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:
        with suppress(OSError):
            os.rmdir(name, dir_fd=folder)
