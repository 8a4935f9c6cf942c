"""The lock as a value: read from text, written to text."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from llmspec.artifacts.folder import Digest
from llmspec.plan.network import Facts
from llmspec.render.yaml import dump
from llmspec.report.code import Code
from llmspec.report.place import top
from llmspec.report.report import Report
from llmspec.syntax.node import Node, locate, plain
from llmspec.syntax.parse import decode, parse

FILE = "llm.lock"
HEADER = "# Made by `llmspec lock`. Commit it; do not edit it.\n"

BAD_LOCK = Code(
    "LS301", "malformed-lock", "llm.lock cannot be used: {problem}",
    why="The lock is written by `llmspec lock` alone. A hand edit, or a merge that mixed two locks, makes it mean "
    "nothing.",
)  # fmt: skip


class Lock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pinned references. Keys: actions `owner/name@tag`, files by path, images `name:tag`, models `uri@revision`."""

    version: Literal[1] = 1
    actions: dict[str, Annotated[str, Meta(pattern=r"^[0-9a-f]{40}\Z")]] = {}
    files: dict[str, Digest] = {}
    images: dict[str, Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]] = {}
    models: dict[str, Facts] = {}


class Locked(Struct, frozen=True):
    """A lock and the text that it was read from, to point into."""

    lock: Lock
    node: Node | None = None


def read(name: str, data: bytes, report: Report) -> Locked:
    """The lock of a text; an empty one, with the reasons in the report, where it is not one."""
    source = decode(name, data, report)
    node = parse(source, report) if source else None
    if source is None or node is None:
        return Locked(Lock())
    try:
        return Locked(msgspec.convert(plain(node), Lock), node)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        path = tuple(where.rstrip("`").strip(".").split(".")) if where else ()
        hint = "run `llmspec lock`, which makes it anew"
        report.say(BAD_LOCK, locate(node, path) if path else top(source), problem=problem, help=hint)
    return Locked(Lock())


def write(lock: Lock) -> str:
    """The text of a lock: every table sorted, so that a small change is a small diff."""
    data: dict[str, Any] = msgspec.to_builtins(lock)
    tables = {name: dict(sorted(table.items())) for name, table in data.items() if name != "version" and table}
    return dump({"version": data["version"], **tables}, HEADER)


def model_key(uri: str, revision: str | None) -> str:
    """What a model's facts are filed under."""
    return f"{uri}@{revision}" if revision else uri
