"""The driver of the nodes runs what the images carry."""

from __future__ import annotations

from typing import Any

from llmspec.passes.resolve import Resolved
from llmspec.report.code import Code
from llmspec.report.report import Report

DRIVER_TOO_OLD = Code(
    "LS399", "driver-too-old",
    "{engine} {version} has CUDA {cuda}, which needs driver {needs}, and the nodes have {has}",
    why="An image brings its own CUDA, and the node its driver. A driver of an older branch than CUDA's major version "
    "needs is found out after gigabytes were pulled.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        has, known = each.hardware.driver, each.model.engine.known()
        if has is None or known is None or int(has.partition(".")[0]) >= known.release.driver:
            continue
        at, also = (*each.hardware_at, "driver"), [((*each.at, "engine", "version"), "this release")]
        facts: dict[str, Any] = {
            "engine": known.table.title,
            "version": known.version,
            "cuda": known.release.cuda,
            "has": has,
        }
        hint = f"update the driver to {known.release.driver} or newer, or pin an older release"
        report.say(DRIVER_TOO_OLD, at, needs=known.release.driver, also=also, help=hint, **facts)
