"""Sizes as people ask a cluster for them."""

from __future__ import annotations

GIB = 2**30


def whole_gib(size: int) -> int:
    """The bytes of the next whole GiB: `size` in bytes, or as much more as is missing."""
    return -(-size // GIB) * GIB
