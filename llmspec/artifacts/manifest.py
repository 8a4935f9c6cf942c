"""`MANIFEST.json`: which files of a folder are ours, their digests, and the spec paths that they come from."""

from __future__ import annotations

from hashlib import sha256
from typing import Final, Literal

from msgspec import DecodeError, Struct
from msgspec.json import decode, encode, format  # noqa: A004

from llmspec.artifacts.tree import MANIFEST, File, Tree, fault

LIMIT: Final = 64 << 20
"""A manifest with more bytes than this is not ours; we write some 300 a file."""


class Entry(Struct, frozen=True):
    """`sources` maps a place in the file (a JSON pointer, or `""` for the whole) to spec paths."""

    sha256: str
    purpose: str
    sources: dict[str, list[str]]


class Manifest(Struct, frozen=True, rename="camel"):
    """The document. It names neither time nor version, so that it changes only when a file does."""

    service: str
    artifacts: dict[str, Entry]
    api_version: Literal["llmspec.dev/v1alpha1"] = "llmspec.dev/v1alpha1"
    kind: Literal["Manifest"] = "Manifest"


def entries(tree: Tree) -> dict[str, Entry]:
    return {file.path: _entry(file) for file in tree.files}


def _entry(file: File) -> Entry:
    sources = {pointer: sorted(set(origins)) for pointer, origins in file.sources.items()}
    return Entry(sha256(file.content).hexdigest(), file.purpose, sources)


def manifest(tree: Tree) -> File:
    """The manifest of all of `tree`."""
    return written(tree.service, entries(tree))


def written(service: str, artifacts: dict[str, Entry]) -> File:
    """The manifest of `artifacts`: JSON with sorted keys."""
    text = format(encode(Manifest(service, artifacts), order="sorted"), indent=2)
    return File(path=MANIFEST, purpose="What was generated here, and from what", content=text + b"\n")


def remembered(text: bytes) -> dict[str, Entry]:
    """The entries of a manifest from disk. One that we cannot have written counts as none at all."""
    try:
        artifacts = decode(text, type=Manifest).artifacts
    except (DecodeError, ValueError, RecursionError):
        return {}
    return {} if fault(list(artifacts)) else artifacts
