"""A tree against what lies in its folder: what is new, what differs, what is left over, and whose files those are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct

from llmspec.artifacts.manifest import LIMIT, Entry, entries, remembered, written
from llmspec.artifacts.scan import Scan, scan
from llmspec.artifacts.tree import MANIFEST, File, Tree

SHOWN: Final = 4 << 20
"""A file with more bytes than this is only said to differ."""


class Difference(Struct, frozen=True, kw_only=True):
    """What writing a tree would do. Each path is in one of `new`, `changed` and `removed`, or counted in `unchanged`.

    `edited` are those of `changed` and `removed` whose bytes are not the ones that we wrote: a person's work would be
    lost. `foreign` are files that we never made; they stay. The manifest counts as a file. All are sorted.
    """

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    unchanged: int = 0

    @property
    def stale(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.new or self.changed or self.removed)


class Survey(Struct, frozen=True, kw_only=True):
    """Both sides of a comparison. `files` is what to make, the manifest included; `old` is what we made before."""

    found: Scan
    old: dict[str, Entry]
    files: dict[str, File]
    difference: Difference


def compare(tree: Tree, folder: Path, only: str = "") -> Difference:
    """What `write` would do. `only` names a folder of the tree; outside of it all is taken as it is on disk."""
    return survey(tree, folder, only).difference


def survey(tree: Tree, folder: Path, only: str = "") -> Survey:
    """Both sides and their difference. Never raises for what it finds; an unreadable folder is an OSError."""
    prefix = f"{only.rstrip('/')}/" if only else ""
    found = scan(folder)
    old = remembered(found.content(MANIFEST, LIMIT) or b"")
    files = _wanted(tree, old, prefix)
    return Survey(found=found, old=old, files=files, difference=_difference(found, old, files, prefix))


def _wanted(tree: Tree, old: dict[str, Entry], prefix: str) -> dict[str, File]:
    new = entries(tree)
    kept = {path: entry for path, entry in old.items() if prefix and not path.startswith(prefix)}
    made = {path: entry for path, entry in new.items() if path.startswith(prefix)}
    files = {file.path: file for file in tree.files if file.path in made}
    return files | {MANIFEST: written(tree.service, kept | made)}


def _difference(found: Scan, old: dict[str, Entry], files: dict[str, File], prefix: str) -> Difference:
    new = [path for path in files if path not in found.files]
    changed = [path for path, file in files.items() if path in found.files and not _same(found, file)]
    removed = [path for path in found.files if path in old and path.startswith(prefix) and path not in files]
    theirs = [path for path in found.files if path.startswith(prefix) and path not in old and path not in files]
    edited = [path for path in [*changed, *removed] if path != MANIFEST and not _ours(found, old.get(path), path)]
    return Difference(
        new=tuple(sorted(new)),
        changed=tuple(sorted(changed)),
        removed=tuple(sorted(removed)),
        edited=tuple(sorted(edited)),
        foreign=tuple(sorted(theirs)),
        unchanged=len(files) - len(new) - len(changed),
    )


def _same(found: Scan, file: File) -> bool:
    content = found.content(file.path, len(file.content))
    return content == file.content and found.executable(file.path) == file.executable


def _ours(found: Scan, entry: Entry | None, path: str) -> bool:
    """Whether a file has the bytes that we once wrote."""
    content = found.content(path, LIMIT)
    return entry is not None and content is not None and sha256(content).hexdigest() == entry.sha256


def unified(tree: Tree, folder: Path, only: str = "") -> str:
    """The difference as a unified diff, in order of path. What is no text, and the manifest, get one line each."""
    both = survey(tree, folder, only)
    touched = [*both.difference.new, *both.difference.changed, *both.difference.removed]
    return "".join(line for path in sorted(touched) for line in _unified(both, path))


def _unified(both: Survey, path: str) -> Iterator[str]:
    file, lies = both.files.get(path), path in both.found.files
    before = _lines(both.found.content(path, SHOWN) if lies else b"")
    after = _lines(file.content if file else b"")
    left, right = f"a/{path}" if lies else "/dev/null", f"b/{path}" if file else "/dev/null"
    if path == MANIFEST or before is None or after is None:
        yield f"Files {left} and {right} differ\n"
        return
    if lies and file and both.found.executable(path) != file.executable:
        yield f"{path}: {'now' if file.executable else 'no longer'} executable\n"
    yield from _hunks(before, after, left, right)


def _lines(content: bytes | None) -> list[str] | None:
    """The lines of a text, which only a line feed ends; None for what is no text, or too long to show."""
    if content is None or len(content) > SHOWN or b"\0" in content:
        return None
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError:
        return None
    return [f"{line}\n" for line in lines[:-1]] + [lines[-1]] * bool(lines[-1])


def _hunks(before: list[str], after: list[str], left: str, right: str) -> Iterable[str]:
    from difflib import unified_diff  # noqa: PLC0415 - 8 ms that only a diff costs

    for line in unified_diff(before, after, left, right):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
