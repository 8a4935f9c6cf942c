"""Replace replicas one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from llmspec.families import Release
from llmspec.plan.plan import Manifest
from llmspec.plan.workload import Workload
from llmspec.report.code import Code
from llmspec.report.place import Path
from llmspec.report.report import Report
from llmspec.scalars import Whole, doc

CANNOT_MOVE = Code(
    "LS381", "rolling-cannot-move", "with `maxSurge: 0` and `maxUnavailable: 0` no replica can be replaced",
    why="A rolling update either starts a replica before it stops one, or stops one before it starts another.",
)  # fmt: skip
NOBODY_ANSWERS = Code(
    "LS382", "rolling-stops-everything", "`maxUnavailable: {unavailable}` lets every replica stop at once",
    why="With no more replicas than may be unavailable, a rolling update may stop all of them at once.",
    severity="warning",
)  # fmt: skip


class Rolling(Release):
    """A rolling update. By default one new replica starts before an old one stops, which needs spare GPUs."""

    kind = "rolling"
    max_surge: Annotated[Whole, doc("Replicas above the wanted number during the update; each needs its GPUs.")] = 1
    max_unavailable: Annotated[Whole, doc("Replicas that may be missing during the update.")] = 0

    def check(self, workload: Workload, at: Path, report: Report) -> None:
        replicas = workload.scaling.minimum
        if self.max_surge == 0 and self.max_unavailable == 0:
            report.say(CANNOT_MOVE, at, help="write `maxSurge: 1`, or `maxUnavailable: 1` on a full cluster")
        elif self.max_unavailable >= replicas:
            where = (*at, "maxUnavailable")
            hint = f"write `maxUnavailable: {replicas - 1}`, or run more replicas"
            report.say(NOBODY_ANSWERS, where, unavailable=self.max_unavailable, help=hint)

    def strategy(self, workload: Workload) -> Manifest:  # noqa: ARG002
        limits = {"maxSurge": self.max_surge, "maxUnavailable": self.max_unavailable}
        return {"type": "RollingUpdate", "rollingUpdate": limits}

    def controller(self, workload: Workload) -> tuple[str, str]:  # noqa: ARG002
        return "apps/v1", "Deployment"

    def objects(self, workload: Workload, meta: Manifest, deployment: Manifest) -> Iterable[Manifest]:  # noqa: ARG002
        return ()
