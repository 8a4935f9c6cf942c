"""How long a pod may take from start to readiness."""

from __future__ import annotations

SAFETY = 3
"""The startup probe gives up after this many times the expected start: a slow disk or a cold compile cache must not
make a crash loop. Published manifests allow 10 to 60 minutes flat (KServe 10, NIM 20, llm-d 60)."""
SHORTEST = 300
"""Seconds that every engine is given at least."""


def startup_seconds(weight_bytes: int, bandwidth: int, initialise: int) -> int:
    """Seconds until ready, expected: reading the weights (bytes ÷ bytes a second), then `initialise` seconds of
    compiling, graph capture and warm-up.
    """
    return -(-weight_bytes // max(bandwidth, 1)) + initialise


def startup_budget(expected: int) -> int:
    """Seconds after which a start has failed, from the seconds that it is expected to take."""
    return max(SHORTEST, SAFETY * expected)
