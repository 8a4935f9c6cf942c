"""Weights on the disk of each node."""

from __future__ import annotations

from typing import Annotated

from llmspec.families import Cache
from llmspec.plan.workload import Volume
from llmspec.report.place import Path
from llmspec.report.report import Report
from llmspec.scalars import Bytes, doc
from llmspec.sizing.rounding import whole_gib


class Ephemeral(Cache):
    """Each pod downloads its weights to the disk of its node, and loses them with the pod."""

    kind = "ephemeral"
    shared = False
    read_bandwidth: Annotated[Bytes, doc("Bytes a second that the node's disk is read at.")] = Bytes(200 * 10**6)

    def volume(self, service: str, size: int) -> Volume:  # noqa: ARG002 - pods share nothing
        # A checkpoint is more than its weights: tokenizer, headers, at times the weights in a second format.
        return Volume(name="models", kind="scratch", size=whole_gib(2 * size), origin="serving.cache")

    def check(self, at: Path, replicas: int, report: Report) -> None:
        """Any number of pods can have a disk of their own."""
