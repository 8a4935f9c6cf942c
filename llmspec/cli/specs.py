"""From the paths of a command line to the specs that they name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from llmspec.artifacts.folder import Folder, Unreadable
from llmspec.report.place import Source, top
from llmspec.report.report import Report
from llmspec.syntax.parse import UNREADABLE, decode

NAME = "llm.yaml"
SKIPPED = frozenset({"generated", "node_modules", "__pycache__"})


class SpecFile(Struct, frozen=True):
    """A spec on disk: `path` as it was named, and the folder that it may read."""

    path: Path
    folder: Folder

    @property
    def root(self) -> Path:
        """The repository that it belongs to: the nearest folder above with `.git`, or else its own folder."""
        own = self.folder.root
        return next((each for each in (own, *own.parents) if (each / ".git").exists()), own)


def find(paths: Iterable[Path], seen: set[str]) -> list[SpecFile]:
    """The specs that `paths` name, each once: files as they are, folders searched for llm.yaml. `seen` collects what
    was looked at.
    """
    found: dict[str, Path] = {}
    for path in paths or [Path()]:
        for each in _below(path, seen) if path.is_dir() else [path]:
            found.setdefault(os.path.realpath(each), each)
    return [_spec(path) for path in found.values()]


def _below(folder: Path, seen: set[str]) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED)
        seen.add(os.path.realpath(where))
        if NAME in files:
            yield Path(where) / NAME


def _spec(path: Path) -> SpecFile:
    parent = path.parent.as_posix()
    return SpecFile(path, Folder(path.parent, "" if parent == "." else f"{parent}/"))


def source_of(spec: SpecFile) -> tuple[Source, Report]:
    """The text of a spec, and a report to say things about it. Unreadable text is empty, and said."""
    name = spec.path.as_posix()
    report = Report(Source(name, ""))
    try:
        data = spec.folder.read(spec.path.name)
    except Unreadable as error:
        report.say(UNREADABLE, top(Source(name, "")), problem=str(error))
        return Source(name, ""), report
    source = decode(name, data, report)
    return (Source(name, ""), report) if source is None else (source, Report(source))
