"""What a clean run read and wrote, as stat results: while none of it changed, the run need not be repeated.

Imports only what every interpreter has loaded at its start; whoever asks must not wait for more.
"""

# The module pathlib takes as long to load as the interpreter.
# ruff: noqa: PTH100, PTH103, PTH105, PTH108, PTH109, PTH111, PTH112, PTH116, PTH117, PTH120, PTH123, PTH208

import os
import sys
import time
from _collections_abc import Iterable, Iterator

try:
    from _blake2 import blake2b
except ImportError:  # a build whose hashes all come from OpenSSL
    from hashlib import blake2b

KEEP = 200
"""Stamps in the cache folder; the oldest go when there are more."""

LIMIT = 8 << 20
"""A stamp with more bytes than this is not ours; we write some 120 a path."""

GRAIN = 20_000_000
"""Nanoseconds by which the time of a file may lag behind the clock: kernels take it from their last tick."""

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def fresh(argv: list[str]) -> str | None:
    """What the same command (`argv` without the program) said when it last ran, if it would say the same now."""
    if os.environ.get("LLMSPEC_NO_STAMP"):
        return None
    try:
        return _read(f"{_folder()}/{_key(argv)}")
    except Exception:  # noqa: BLE001 - whatever is wrong with a cache, the answer is to do the work
        return None


def record(argv: list[str], inputs: Iterable[str], outputs: Iterable[str], message: str, *, started: int) -> None:
    """Note that the command `argv` (without the program) read `inputs`, wrote `outputs` and would say `message`.

    Paths may be files, folders, or missing. A file's state is that of its bytes, a folder's that of its names.
    `started` is `time.time_ns()` from before the first input was read; if one may have changed since, nothing is noted.
    Call it only after a run without a single diagnostic. Never raises: a cache may fail.
    """
    if os.environ.get("LLMSPEC_NO_STAMP"):
        return
    try:
        read = {*inputs, *_installation()}
        if max(map(_changed, read)) < started - GRAIN:
            _write(f"{_folder()}/{_key(argv)}", _body({*read, *sys.path, *outputs}, message))
            _prune(_folder())
    except Exception:  # noqa: BLE001, S110 - the run itself succeeded
        pass


def _read(path: str) -> str | None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as stream:
        mine = os.fstat(descriptor).st_uid == os.geteuid()
        digest, _, body = stream.read(LIMIT).partition(b"\n")
    count, *lines = body.split(b"\n")
    states, message = lines[: int(count)], lines[int(count) :]
    if not mine or digest != _digest(body) or len(states) != int(count) or not states or not message:
        return None
    if any(_state(line.partition(b"\t")[2]) != line for line in states):
        return None
    return b"\n".join(message).decode()


def _body(paths: set[str], message: str) -> bytes:
    """The number of states, a state a line, and the message; ValueError for a path that would break its line."""
    if any("\n" in path for path in paths):
        raise ValueError
    return b"\n".join([b"%d" % len(paths), *map(_state, map(os.fsencode, sorted(paths))), message.encode()])


def _state(path: bytes) -> bytes:
    try:
        stat = os.stat(path or b".")
    except OSError:
        return b"-\t" + path
    numbers = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_dev, stat.st_ino, stat.st_mode)
    return b"%d %d %d %d %d %d\t%b" % (*numbers, path)


def _changed(path: str) -> int:
    try:
        stat = os.stat(path)
    except OSError:
        return 0
    return max(stat.st_mtime_ns, stat.st_ctime_ns)


def _installation() -> Iterator[str]:
    """Our own code and templates, which lie beside the package in a checkout."""
    inside = f"{_PACKAGE}/templates"
    for root in (_PACKAGE, inside if os.path.isdir(inside) else f"{os.path.dirname(_PACKAGE)}/templates"):
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if name != "__pycache__"]
            yield from [folder, *(f"{folder}/{name}" for name in files)]


def _key(argv: list[str]) -> str:
    """Everything but files that a run depends on: the command, where it runs, and what runs it."""
    ours = sorted(item for item in os.environ.items() if item[0].startswith("LLMSPEC_"))
    return _digest(os.fsencode(repr((os.getcwd(), argv, _PACKAGE, sys.version, sys.path, ours)))).decode()


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).hexdigest().encode()


def _folder() -> str:
    ours, shared = os.environ.get("LLMSPEC_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(shared):  # such a value is to be ignored, says the XDG specification
        shared = os.path.expanduser("~/.cache")
    return os.path.abspath(f"{ours or f'{shared}/llmspec'}/stamps")


def _write(path: str, body: bytes) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    draft = f"{path}.{os.getpid()}-{time.monotonic_ns()}"
    try:
        with open(draft, "xb") as stream:
            stream.write(_digest(body) + b"\n" + body)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def _prune(folder: str) -> None:
    stamps = [f"{folder}/{name}" for name in os.listdir(folder)]
    for path in sorted(stamps, key=_changed, reverse=True)[KEEP:]:
        os.unlink(path)
