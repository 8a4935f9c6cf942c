"""The catalogue as the tests read it: the JSON itself, versions as PEP 440 has them, not by llmspec's own reader."""

import json
from functools import cache
from pathlib import Path

from packaging.version import Version

import llmspec.catalog

FOLDER = Path(llmspec.catalog.__file__).parent
TYPES = {
    "boolean": bool, "flag": bool, "integer": int, "number": (int, float), "string": str, "list": list,
    "object": (dict, str), "any": object,
}  # fmt: skip


@cache
def table(engine):
    return json.loads((FOLDER / "engines" / f"{engine}.json").read_text("utf-8"))


@cache
def gpus():
    return json.loads((FOLDER / "gpus.json").read_text("utf-8"))


def capability(gpu):
    return gpus()[gpu]["computeCapability"]


def versions(engine):
    return sorted(table(engine)["releases"], key=Version)


def holding(rows, version):
    """The row of a release, or None."""
    at = Version(version)
    found = [
        row
        for row in rows
        if (not row.get("since") or Version(row["since"]) <= at)
        and (not row.get("until") or at < Version(row["until"]))
    ]
    return found[-1] if found else None


def option(engine, command, name, version):
    return holding(table(engine)["commands"][command].get(name, ()), version)


def is_deprecated(row, version):
    return bool(row.get("deprecated")) and Version(row["deprecated"]) <= Version(version)


def word(engine, meaning, version):
    row = holding(table(engine)["words"].get(meaning, ()), version)
    return row["name"] if row else ""


def named(engine, kind, version):
    rows = table(engine).get("names", {}).get(kind, {})
    return {name for name, spans in rows.items() if holding(spans, version) is not None}


def support(engine, method, maker, version):
    """The row of a precision: of what made it first, then of all makers."""
    of_modelopt = named(engine, "modelopt", version)
    if maker == "modelopt" and of_modelopt and method not in of_modelopt | {"none"}:
        return None
    rows = table(engine)["quantizations"]
    return holding(rows.get(f"{method}/{maker}") or rows.get(method, ()), version)


def kv_support(engine, dtype, version):
    return holding(table(engine).get("kvCaches", {}).get(dtype, ()), version)


def fits(row, value):
    """Whether a value is of an option's type, and one of its choices; a text is a list of one, as in argparse."""
    if row.get("choices") and not isinstance(value, (bool, list, dict)):
        return str(value) in row["choices"]
    kind = row.get("type", "any")
    if kind == "list" and isinstance(value, str):
        return True
    is_number = isinstance(value, bool) and kind not in ("boolean", "flag", "any")
    return isinstance(value, TYPES[kind]) and not is_number


def read(text, row):
    """A word of a command line as the option's type."""
    kinds = {"integer": int, "number": float}
    if row["type"] == "list":
        return text.split(",")
    try:
        return kinds.get(row["type"], str)(text)
    except ValueError:
        return None
