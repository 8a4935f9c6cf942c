"""How one folder takes the place of another in a single step."""

# These are system calls, and read as such.
# ruff: noqa: PTH104

from __future__ import annotations

import errno
import os
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_NUMBERS: Final = {"x86_64": 316, "aarch64": 276, "riscv64": 276, "ppc64le": 357, "s390x": 347}
"""The number of renameat2 by machine, from the kernel's tables: musl had no wrapper for it before 1.2.6."""

UNSUPPORTED: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM})
"""The kernel, the file system or a sandbox does not know the call. A real EPERM hits the two renames as well."""


def exchange(left: str, right: str) -> None:
    """Swap the names of two folders at once; OSError with one of `UNSUPPORTED` where that cannot be done."""
    import ctypes  # noqa: PLC0415 - 10 ms that only writing costs

    arguments = (_AT_FDCWD, os.fsencode(left), _AT_FDCWD, os.fsencode(right), ctypes.c_uint(_RENAME_EXCHANGE))
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        failed = libc.renameat2(*arguments)
    elif os.uname().sysname == "Linux" and (number := _NUMBERS.get(os.uname().machine)):
        failed = libc.syscall(ctypes.c_long(number), *arguments)
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), left, None, right)


def swap(fresh: str, folder: str) -> str:
    """Put `fresh` where `folder` is, and return where the former content of `folder` now lies (`fresh`, or beside it).

    Without an exchange it takes two renames. Killed between them, the old tree lies at `<fresh>.old` and `folder` is
    missing, until the next write puts it back.
    """
    if not os.path.lexists(folder):
        os.rename(fresh, folder)
        return fresh
    try:
        exchange(fresh, folder)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        return _rename_twice(fresh, folder)
    return fresh


def _rename_twice(fresh: str, folder: str) -> str:
    aside = f"{fresh}.old"
    os.rename(folder, aside)
    try:
        os.rename(fresh, folder)
    except OSError:
        os.rename(aside, folder)
        raise
    return aside
