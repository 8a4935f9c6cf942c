"""Writes what releases of an engine know into `llmspec/catalog/engines`, read from their wheels.

python tools/catalog/wheels.py vllm 0.33.0 0.34.0     takes releases into the table
python tools/catalog/wheels.py vllm 0.34.0 --check    writes nothing; 1 if the table would change
python tools/catalog/wheels.py vllm 0.9.2 --past      takes only what the first known release lacks
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import of_sglang
import of_vllm
from merging import dump, gone, merge, past
from options import Row
from source import Sources
from wheel import Wheel, fetch, report

from llmspec.catalog.releases import FOLDER, order

ENGINES: dict[str, ModuleType] = {"sglang": of_sglang, "vllm": of_vllm}
# The first driver branch that runs a CUDA, by major release: NVIDIA's minor-version compatibility.
DRIVERS = {"12": 525, "13": 580}


def main(words: list[str] | None = None, folder: Path = FOLDER) -> int:
    """The command."""
    asked = parsed(words)
    path = folder / f"{asked.engine}.json"
    before = path.read_text(encoding="utf-8") if path.is_file() else '{"title": "", "releases": {}}'
    table = json.loads(before)
    versions = sorted(asked.versions or table["releases"], key=order)
    after = dump(
        with_past(table, asked.engine, versions) if asked.past else with_releases(table, asked.engine, versions)
    )
    if after != before and not asked.check:
        path.write_text(after, encoding="utf-8")
    for line in gone(json.loads(after)):
        say(f"write `instead`: {line}")
    state = "is current" if after == before else "would change" if asked.check else "written"
    say(f"{path.name}: {state}")
    return int(asked.check and after != before)


def parsed(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=sorted(ENGINES))
    parser.add_argument("versions", nargs="*", help="releases; without any, those of the table")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the table would change")
    parser.add_argument("--past", action="store_true", help="take only what the first known release lacks")
    return parser.parse_intermixed_args(words)


def with_releases(table: dict[str, Any], engine: str, versions: list[str]) -> dict[str, Any]:
    """The table with releases in it."""
    for version in versions:
        say(f"reading {engine} {version}")
        found = facts(ENGINES[engine], version, fetch(ENGINES[engine].PACKAGE, version))
        patterns = table.get("images", {})
        found["release"]["images"] = {use: pattern.format(version=version) for use, pattern in patterns.items()}
        table = merge(table, version, found)
    releases = dict(sorted(table["releases"].items(), key=lambda item: order(item[0])))
    return table | {"releases": releases}


def with_past(table: dict[str, Any], engine: str, versions: list[str]) -> dict[str, Any]:
    """The table with options that only releases before its first one had."""
    maker = ENGINES[engine]
    found: dict[str, dict[str, Row]] = {}
    for version in versions:
        say(f"reading {engine} {version}")
        found[version] = maker.options(Sources(fetch(maker.PACKAGE, version).read))
    return past(table, maker.COMMAND, found)


def facts(maker: ModuleType, version: str, wheel: Wheel) -> dict[str, Any]:
    """What a wheel knows, in the shape of a table."""
    sources = Sources(wheel.read)
    return {
        "release": release(maker, version, wheel, sources),
        "commands": {maker.COMMAND: maker.options(sources)},
        "names": maker.names(sources, wheel),
    }


def release(maker: ModuleType, version: str, wheel: Wheel, sources: Sources) -> dict[str, Any]:
    """The row of a release, but for its images."""
    pins = pinned(wheel.requirements, maker.PINS)
    made: dict[str, Any] = {"source": f"{maker.source(sources)} {version}", "date": wheel.date, "pins": pins}
    if version_of_cuda := cuda(pins.get("torch", "")):
        made["source"] += f"; CUDA as torch {pins['torch']} requires it"
        made |= {"cuda": version_of_cuda, "driver": DRIVERS.get(version_of_cuda.partition(".")[0], 0)}
    return made


def pinned(requirements: tuple[str, ...], names: tuple[str, ...]) -> dict[str, str]:
    """What is required of some packages: the version where it is exact, the range as it is written otherwise."""
    found: dict[str, str] = {}
    for line in requirements:
        name = re.match(r"[A-Za-z0-9._-]+", line)
        if name and (key := name[0].replace("_", "-").lower()) in names:
            found[key] = re.sub(r"^\[[^\]]*\]", "", line[name.end() :]).strip(" ()").removeprefix("==")
    return dict(sorted(found.items()))


def cuda(torch: str) -> str:
    """The CUDA that a release of torch requires, as major and minor."""
    if not re.fullmatch(r"[0-9.]+", torch):
        return ""
    lines = report("torch", torch)["metadata"].get("requires_dist", [])
    exact = (re.match(r"(?:cuda-toolkit|nvidia-cuda-runtime)\S*?==(\d+\.\d+)", line) for line in lines)
    return next((match[1] for match in exact if match), "")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
