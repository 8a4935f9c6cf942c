"""Weights on a PersistentVolumeClaim that all pods share."""

from __future__ import annotations

from typing import Annotated, Literal

from llmspec.families import Cache
from llmspec.plan.workload import Volume
from llmspec.report.code import Code
from llmspec.report.place import Path
from llmspec.report.report import Report
from llmspec.scalars import Bytes, Name, doc
from llmspec.sizing.rounding import whole_gib

ONE_NODE_CLAIM = Code(
    "LS354", "claim-of-one-node", "`accessMode: ReadWriteOnce` is not enough for {replicas} replicas on several nodes",
    why="A claim that one node may mount leaves the second replica pending, with a Multi-Attach error.",
)  # fmt: skip


class PersistentVolumeClaim(Cache):
    """A claim of its own, filled once for each version of the weights and read by every pod."""

    kind = "pvc"
    shared = True
    storage_class: Annotated[Name | None, doc("StorageClass. Default: the cluster's.")] = None
    access_mode: Annotated[
        Literal["ReadWriteMany", "ReadWriteOnce"],
        doc("How many nodes may mount it. `ReadWriteOnce` is enough for one replica."),
    ] = "ReadWriteMany"
    size: Annotated[Bytes | None, doc("Size. Default: three times the weights, room for the next version.")] = None
    read_bandwidth: Annotated[Bytes, doc("Bytes a second that one pod reads at; sizes the startup probe.")] = Bytes(
        200 * 10**6
    )

    def volume(self, service: str, size: int) -> Volume:
        return Volume(
            name="models",
            kind="claim",
            source=f"{service}-models",
            size=self.size or whole_gib(3 * size),
            access=self.access_mode,
            storage_class=self.storage_class or "",
            origin="serving.cache",
        )

    def check(self, at: Path, replicas: int, report: Report) -> None:
        if self.access_mode == "ReadWriteOnce" and replicas > 1:
            report.say(ONE_NODE_CLAIM, (*at, "accessMode"), replicas=replicas, help="write `accessMode: ReadWriteMany`")
