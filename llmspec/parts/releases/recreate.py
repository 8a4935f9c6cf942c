"""Stop the old version, then start the new one."""

from __future__ import annotations

from collections.abc import Iterable

from llmspec.families import Release
from llmspec.plan.plan import Manifest
from llmspec.plan.workload import Workload
from llmspec.report.place import Path
from llmspec.report.report import Report


class Recreate(Release):
    """No second set of GPUs is needed; nobody answers while the new version starts."""

    kind = "recreate"

    def check(self, workload: Workload, at: Path, report: Report) -> None:
        """It always works; what it costs is said in its name."""

    def strategy(self, workload: Workload) -> Manifest:  # noqa: ARG002
        return {"type": "Recreate"}

    def controller(self, workload: Workload) -> tuple[str, str]:  # noqa: ARG002
        return "apps/v1", "Deployment"

    def objects(self, workload: Workload, meta: Manifest, deployment: Manifest) -> Iterable[Manifest]:  # noqa: ARG002
        return ()
