"""The tables, typed, read when asked for."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct


class GpuRow(Struct, frozen=True, rename={"compute_capability": "computeCapability", "memory_mib": "memoryMiB"}):
    """A GPU. `products` are the values of the node label `nvidia.com/gpu.product` that it appears under."""

    title: str
    products: tuple[str, ...]
    compute_capability: str
    memory_mib: int
    source: str


class ImageRow(Struct, frozen=True):
    digest: str
    source: str


class ActionRow(Struct, frozen=True):
    commit: str
    source: str


class PackageRow(Struct, frozen=True):
    """A package of Python's index, at one version."""

    version: str
    source: str


T = TypeVar("T")


def _table(name: str, row: type[T]) -> dict[str, T]:
    path = Path(__file__).parent / name
    rows: dict[str, T] = msgspec.json.decode(path.read_bytes(), type=dict[str, row])  # type: ignore[valid-type]
    return dict(sorted(rows.items()))


@cache
def gpus() -> dict[str, GpuRow]:
    return _table("gpus.json", GpuRow)


@cache
def images() -> dict[str, ImageRow]:
    return _table("images.json", ImageRow)


@cache
def actions() -> dict[str, ActionRow]:
    return _table("actions.json", ActionRow)


@cache
def packages() -> dict[str, PackageRow]:
    return _table("packages.json", PackageRow)


def requirement(package: str) -> str:
    """`name==version` of a package of the catalogue; `name` may have extras."""
    return f"{package}=={packages()[package].version}"
