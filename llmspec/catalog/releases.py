"""What each release of an engine knows: one file an engine in `engines/`, each row valid for a span of releases."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

FOLDER = Path(__file__).parent / "engines"


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """A fact that holds from the release `since` (empty: from the first that is known) up to, not including, `until`
    (empty: still). `source` where it is another than the release's own.
    """

    since: str = ""
    until: str = ""
    source: str = ""


class Option(Row, frozen=True, kw_only=True):
    """An option of a command line, or a key of a configuration file.

    `type` is `boolean` (has a `no-` twin on a command line), `flag` (can only be switched on), `integer`, `number`,
    `string`, `list`, `object` or `any`; `choices` are its only values, if there are any. `instead` says what to write
    once it is gone; `deprecated` is the release since which it is announced to go, `note` what the engine says of that.
    """

    type: str = "any"
    default: Any = None
    choices: tuple[str, ...] = ()
    instead: str = ""
    deprecated: str = ""
    note: str = ""

    @property
    def alias(self) -> str:
        """The option that this is another name of; empty for an option of its own."""
        match = re.match(r"another name of `([^`]+)`", self.note)
        return match[1] if match else ""


class Word(Row, frozen=True, kw_only=True):
    """The engine's own word for one of ours: the name of a metric, a path, a port, a limit."""

    name: str


class Support(Row, frozen=True, kw_only=True):
    """Where a precision works. `capabilities` are compute capabilities; on those in `weight_only` weights are kept in
    the format and computed with in 16 bit. `name` is the engine's word for it, empty where it reads the checkpoint's.
    """

    capabilities: tuple[str, ...]
    weight_only: tuple[str, ...] = ()
    name: str = ""


class Release(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """One release. `images` are upstream references by use (`serve`, `build`); `cuda` is what they carry, `driver` the
    first NVIDIA driver branch that runs it; `pins` are exact versions of what it goes with, by name.
    """

    source: str
    images: dict[str, str] = {}
    cuda: str = ""
    driver: int = 0
    pins: dict[str, str] = {}
    date: str = ""


class Table(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """All that is known of an engine.

    `images` are the patterns of a release's images, with `{version}`, for one that the table lacks. `commands` has the
    options of each command by name, `names` sets of words by what they name (`modelopt`: our methods that it reads from
    ModelOpt's checkpoints; `online`: those that it makes while loading), `words` its words by ours. `quantizations` has
    rows by method, or by `method/maker` where they differ by what quantized the checkpoint. `families` are
    the quantizations that its documentation lists for each model family: advice, not law.
    """

    title: str
    images: dict[str, str] = {}
    releases: dict[str, Release]
    commands: dict[str, dict[str, tuple[Option, ...]]] = {}
    names: dict[str, dict[str, tuple[Row, ...]]] = {}
    words: dict[str, tuple[Word, ...]] = {}
    quantizations: dict[str, tuple[Support, ...]] = {}
    kv_caches: dict[str, tuple[Support, ...]] = {}
    families: dict[str, tuple[str, ...]] = {}

    @property
    def newest_version(self) -> str:
        return list(self.releases)[-1]

    @property
    def newest(self) -> Release:
        return self.releases[self.newest_version]


R = TypeVar("R", bound=Row)


class Known(Struct, frozen=True):
    """The table of an engine as of a release. `version` is the one that is run, `like` the one whose rows are used."""

    engine: str
    version: str
    like: str

    @property
    def table(self) -> Table:
        return table(self.engine)

    @property
    def release(self) -> Release:
        return self.table.releases[self.like]

    def image(self, use: str) -> str:
        """Upstream reference for a use, as `name:tag`."""
        if self.version == self.like:
            return self.release.images[use]
        return self.table.images[use].format(version=self.version)

    def is_from(self, version: str) -> bool:
        """Whether this release is `version` or a later one."""
        return order(version) <= order(self.like)

    def options(self, command: str) -> dict[str, Option]:
        """The options that the command has, by name."""
        return _options(self.engine, self.like, command)

    def gone(self, command: str, option: str) -> Option | None:
        """The row of an option that earlier releases had and this one has not."""
        rows = self.table.commands.get(command, {}).get(option, ())
        past = [row for row in rows if row.until and order(row.until) <= order(self.like)]
        return max(past, key=lambda row: order(row.until), default=None)

    def later(self, command: str, option: str) -> Option | None:
        """The row of an option that only later releases have."""
        rows = self.table.commands.get(command, {}).get(option, ())
        return min((row for row in rows if order(row.since) > order(self.like)), key=_since, default=None)

    def names(self, kind: str) -> frozenset[str]:
        """The words of a kind, such as the parsers that can be named."""
        return frozenset(name for name, spans in self.table.names.get(kind, {}).items() if holding(spans, self.like))

    def word(self, meaning: str) -> str:
        """The engine's word for one of ours; empty where this release has none."""
        row = holding(self.table.words.get(meaning, ()), self.like)
        return row.name if row else ""

    def quantization(self, method: str, maker: str = "") -> Support | None:
        """Where a precision works, of a checkpoint that `maker` quantized: its own row, or that of all makers. An
        engine may read only some of what ModelOpt makes.
        """
        listed = self.names("modelopt")
        if maker == "modelopt" and listed and method not in listed and method != "none":
            return None
        rows = self.table.quantizations.get(f"{method}/{maker}") or self.table.quantizations.get(method, ())
        return holding(rows, self.like)

    def kv_cache(self, dtype: str) -> Support | None:
        return holding(self.table.kv_caches.get(dtype, ()), self.like)


def _since(row: Row) -> tuple[Any, ...]:
    return order(row.since)


@cache
def engines() -> tuple[str, ...]:
    """The engines that have a table."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


@cache
def table(engine: str) -> Table:
    """The table of an engine, its releases in order. Raises `FileNotFoundError` if there is none."""
    read = msgspec.json.decode((FOLDER / f"{engine}.json").read_bytes(), type=Table)
    releases = dict(sorted(read.releases.items(), key=lambda item: order(item[0])))
    return msgspec.structs.replace(read, releases=releases)


def known(engine: str, version: str, like: str = "") -> Known | None:
    """What is known of a release, or of `version` taken to be like the release `like`; None where neither is known, or
    where nothing tells the images of a release that is not.
    """
    rows = table(engine)
    chosen = version if version in rows.releases else like if rows.images else ""
    return Known(engine, version, chosen) if chosen in rows.releases else None


@cache
def _options(engine: str, release: str, command: str) -> dict[str, Option]:
    rows = table(engine).commands.get(command, {})
    return {name: row for name, spans in rows.items() if (row := holding(spans, release)) is not None}


def nearest(engine: str, version: str) -> tuple[str, ...]:
    """The known releases next to a version: the last before it and the first after it."""
    releases = list(table(engine).releases)
    before = [each for each in releases if order(each) <= order(version)]
    after = [each for each in releases if order(each) > order(version)]
    return (*before[-1:], *after[:1])


def holding(rows: tuple[R, ...], version: str) -> R | None:
    """The row that holds for a release, the last one if several do."""
    return next((row for row in reversed(rows) if _holds(row, version)), None)


def _holds(row: Row, version: str) -> bool:
    is_begun = not row.since or order(row.since) <= order(version)
    return is_begun and (not row.until or order(version) < order(row.until))


@cache
def order(version: str) -> tuple[Any, ...]:
    """A sorting key of versions as PEP 440 sorts them: 0.9 before 0.24, 1.3.0rc9 before 1.3.0rc29 before 1.3.0."""
    match = re.match(r"([0-9]+(?:\.[0-9]+)*)(?:-?(rc|a|b|\.?post|\.?dev)\.?([0-9]+))?", version)
    if match is None:
        return ((), 0, 0)
    numbers = tuple(int(part) for part in match[1].split("."))
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers = numbers[:-1]
    stage = {"dev": -4, "a": -3, "b": -2, "rc": -1, "post": 1}.get((match[2] or "").lstrip("."), 0)
    return (numbers, stage, int(match[3] or 0))
