"""Reading below one folder, and nowhere else; remembers what was read, for the stamp."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

LARGEST = 64 * 1024 * 1024
"""Bytes of a file that is read whole; larger ones can only be digested."""


class Unreadable(Exception):
    """A path that cannot be read; the message is the reason, for people."""


class Digest(Struct, frozen=True, order=True, omit_defaults=True):
    """SHA-256 of a file's bytes; of a folder, that of the listing `<hex>  <path>` of its files, sorted by path, as
    `sha256sum` prints it. `size` in bytes; `files` is 0 for a file.
    """

    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    size: Annotated[int, Meta(ge=0)]
    files: Annotated[int, Meta(ge=0)] = 0


class Folder:
    """The folder of one llm.yaml. `prefix` is put before paths that people are shown."""

    def __init__(self, root: Path, prefix: str = "") -> None:
        self.root = Path(os.path.realpath(root))
        self._prefix = prefix
        self.seen: set[str] = set()
        self._digests: dict[str, Digest] = {}

    def shown(self, path: str) -> str:
        """A path as people know it, from where they stand."""
        return f"{self._prefix}{path}"

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises `Unreadable`."""
        place = self._inside(path)
        try:
            if place.is_dir():
                raise Unreadable("it is a directory")
            if place.stat().st_size > LARGEST:
                raise Unreadable(f"it has more than {LARGEST:,} bytes")
            if not place.is_file():
                raise Unreadable("it is no regular file")
            return place.read_bytes()
        except OSError as error:
            raise Unreadable(_reason(error)) from None

    def digest(self, path: str, without: tuple[str, ...] = ()) -> Digest:
        """The digest of a file, or of a folder's files but those with an ending in `without`. Raises `Unreadable`."""
        if path not in self._digests:
            self._digests[path] = self._digest(path, without)
        return self._digests[path]

    def _digest(self, path: str, without: tuple[str, ...]) -> Digest:
        place = self._inside(path)
        try:
            if not place.is_dir():
                return Digest(*_hash(place))
            names = sorted(name for name in self._names(place) if not name.endswith(without))
            rows = [(name, *_hash(self._inside(f"{path}/{name}"))) for name in names]
        except OSError as error:
            raise Unreadable(_reason(error)) from None
        listing = "".join(f"{digest}  {name}\n" for name, digest, _ in rows)
        return Digest(sha256(listing.encode()).hexdigest(), sum(size for *_, size in rows), len(rows))

    def _names(self, folder: Path) -> Iterator[str]:
        """Files below `folder`. Hidden ones (an editor's, git's) and what Python leaves behind are no content."""
        for where, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
            self.seen.add(where)
            for name in files:
                if not name.startswith("."):
                    yield (Path(where) / name).relative_to(folder).as_posix()

    def _inside(self, path: str) -> Path:
        place = self.root / path
        self.seen.add(str(place))
        real = Path(os.path.realpath(place))
        if real != self.root and self.root not in real.parents:
            raise Unreadable("it leads out of the folder of llm.yaml")
        if real != place:
            self.seen.add(str(real))
        return real


def _hash(place: Path) -> tuple[str, int]:
    if not place.is_file():
        raise Unreadable("it does not exist" if not place.exists() else "it is no regular file")
    digest, size = sha256(), 0
    with place.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
