"""The complete set of files of one service, and the rules that their paths keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct, field
from msgspec.structs import force_setattr

MANIFEST: Final = "MANIFEST.json"
"""The one path that no file of a tree may have: the list of the others is written there."""


class File(Struct, frozen=True, kw_only=True):
    """A file as it will lie on disk. `path`, `purpose` and `sources` are those of its `Artifact`."""

    path: str
    purpose: str
    content: bytes
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    executable: bool = False


class Tree(Struct, frozen=True):
    """All files of a service, in order of path. A path that could leave the folder or hide another is a ValueError."""

    service: str
    files: tuple[File, ...]

    def __post_init__(self) -> None:
        force_setattr(self, "files", tuple(sorted(self.files, key=lambda file: file.path)))
        if reason := fault([file.path for file in self.files]):
            raise ValueError(reason)


def fault(paths: list[str]) -> str:
    """Why `paths` cannot be the files of one folder beside the manifest; empty if they can."""
    taken = {MANIFEST}
    for path in paths:
        if path in taken:
            return f"two files at {path!r}"
        if _strays(path):
            return f"not a plain relative path: {path!r}"
        taken.add(path)
    both = taken & set(folders(paths))
    return f"both a file and a folder: {min(both)!r}" if both else ""


def _strays(path: str) -> bool:
    parts = path.split("/")
    return "\\" in path or not path.isprintable() or any(part in {"", ".", ".."} for part in parts)


def folders(paths: Iterable[str]) -> Iterator[str]:
    """Every folder above one of `paths`, with repetitions."""
    for path in paths:
        parts = path.split("/")
        yield from ("/".join(parts[:end]) for end in range(1, len(parts)))
