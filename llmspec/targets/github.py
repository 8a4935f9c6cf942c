"""The pipeline as a GitHub Actions workflow."""

from __future__ import annotations

from collections.abc import Iterator

from llmspec.artifacts.artifact import Artifact, made
from llmspec.families import Target
from llmspec.plan.pipeline import Action, Pipeline, PipelineJob
from llmspec.plan.plan import Manifest, Plans
from llmspec.render.template import BreaksOut
from llmspec.render.yaml import Commented
from llmspec.report.report import Report


class GitHubWorkflow(Target):
    """`.github/workflows/<service>.yaml`. No right but to read; every action at a commit; one run a branch."""

    kind = "github"

    def emit(self, plans: Plans, report: Report) -> Iterator[Artifact]:  # noqa: ARG002
        if plans.pipeline and plans.pipeline.system == self.kind:
            path = f".github/workflows/{plans.service}.yaml"
            yield made(
                path,
                "pipeline: check, validate, build",
                _workflow(plans.service, plans.pipeline),
                (plans.pipeline.origin,),
            )


def _workflow(service: str, pipeline: Pipeline) -> Manifest:
    paths = [_literal(path) for path in pipeline.paths]
    return {
        "name": service,
        "on": {"push": {"branches": [pipeline.main], "paths": paths}, "pull_request": {"paths": paths}},
        "permissions": {},
        "concurrency": {
            "group": "${{ github.workflow }}-${{ github.ref }}",
            "cancel-in-progress": "${{ github.event_name == 'pull_request' }}",
        },
        "jobs": {job.name: _job(pipeline, job) for job in pipeline.jobs},
    }


def _job(pipeline: Pipeline, job: PipelineJob) -> Manifest:
    rows = [{"context": _literal(context), "tag": _literal(tag)} for context, tag in job.matrix]
    return {
        "name": job.title,
        "runs-on": pipeline.runner,
        "timeout-minutes": job.timeout,
        "permissions": {"contents": "read"},
        **({"needs": list(job.needs)} if job.needs else {}),
        **({"strategy": {"fail-fast": False, "matrix": {"image": rows}}} if rows else {}),
        "steps": [_step(pipeline, step) for step in job.steps],
    }


def _step(pipeline: Pipeline, step: Action) -> Manifest:
    condition = (
        {"if": f"github.event_name == 'push' && github.ref == 'refs/heads/{pipeline.main}'"}
        if step.only_on_main
        else {}
    )
    return {
        "name": step.name,
        **condition,
        **({"uses": _uses(step.uses)} if step.uses else {"run": step.run}),
        **({"with": dict(step.inputs)} if step.inputs else {}),
        **({"env": {name: _literal(value) for name, value in step.env}} if step.env else {}),
    }


def _literal(text: str) -> str:
    """Text that must stay text: GitHub would evaluate an expression in it."""
    if "${{" in text:
        raise BreaksOut(f"an expression of GitHub Actions in {text[:40]!r}")
    return text


def _uses(pinned: str) -> Commented:
    """An action at its commit, with the tag that people know it by."""
    commit, _, tag = pinned.partition(" # ")
    return Commented(commit, tag)
