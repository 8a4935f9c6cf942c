"""Data to JSON: indented, in the order of the data, with a line break at the end."""

from __future__ import annotations

from typing import Any


def dump(data: Any) -> str:
    from json import dumps  # noqa: PLC0415

    return dumps(data, indent=2, ensure_ascii=False) + "\n"
