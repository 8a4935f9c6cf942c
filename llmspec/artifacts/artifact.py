"""One generated file: its bytes or its data, what it is for, and the spec paths it was made from."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field


class Mark(Struct, frozen=True):
    """A value inside an artifact's data, together with the spec path it was made from."""

    value: Any
    origin: str


class Artifact(Struct, frozen=True):
    """A file to be written.

    `path` is relative to the service's output folder, with `/`. `purpose` is one line for people. Exactly one of
    `text` and `data` is set; `data` stays an object to the last step, so that overrides can patch it, and is rendered
    by the format of the path's ending. `sources` maps a place in the file to the spec paths that made it: a place is
    a JSON pointer into `data`, or `""` for the whole file.
    """

    path: str
    purpose: str
    text: str | None = None
    data: Any = None
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    executable: bool = False


def made(path: str, purpose: str, data: Any, origins: tuple[str, ...]) -> Artifact:
    """An artifact of `data` in which any value may be a `Mark`; the marks become its sources."""
    sources: dict[str, tuple[str, ...]] = {"": tuple(sorted(set(origins)))}
    return Artifact(path, purpose, data=_unmark(data, "", sources), sources=sources)


def _unmark(value: Any, pointer: str, sources: dict[str, tuple[str, ...]]) -> Any:
    if isinstance(value, Mark):
        if value.origin:
            sources[pointer] = (value.origin,)
        return _unmark(value.value, pointer, sources)
    if isinstance(value, dict):
        return {key: _unmark(item, f"{pointer}/{_escape(str(key))}", sources) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_unmark(item, f"{pointer}/{index}", sources) for index, item in enumerate(value)]
    return value


def _escape(step: str) -> str:
    """RFC 6901, section 3."""
    return step.replace("~", "~0").replace("/", "~1")
