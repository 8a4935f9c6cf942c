"""Kubernetes manifests, one object a file, with a kustomization that lists them."""

from __future__ import annotations

from collections.abc import Iterator

from llmspec.artifacts.artifact import Artifact, made
from llmspec.families import Target
from llmspec.plan.names import object_name
from llmspec.plan.plan import Manifest, Plan, Plans
from llmspec.plan.workload import Files, Volume, Workload
from llmspec.report.report import Report
from llmspec.targets.kubernetes.controllers import (
    claim_spec,
    deployment,
    job,
    leader_worker_set,
    rollout_of,
    stateful_set,
)
from llmspec.targets.kubernetes.names import files_name, manifest, metadata, plain_metadata, workload_name
from llmspec.targets.kubernetes.replicas import autoscaler, disruption_budget
from llmspec.targets.kubernetes.traffic import network_policy, service

Object = tuple[str, str, Manifest, tuple[str, ...]]
"""Path below `kubernetes/`, purpose, the object, the spec paths that asked for it."""


class Kubernetes(Target):
    """Plain objects for any cluster of version 1.34 or newer."""

    kind = "kubernetes"

    def emit(self, plans: Plans, report: Report) -> Iterator[Artifact]:  # noqa: ARG002 - the plan is sound by now
        for plan in plans.environments:
            objects = sorted(_objects(plan), key=lambda row: row[0])
            folder = f"{plan.identity.environment}/kubernetes"
            for path, purpose, manifest_, origins in objects:
                yield made(f"{folder}/{path}", purpose, manifest_, origins)
            paths = [path for path, *_ in objects]
            yield made(
                f"{folder}/kustomization.yaml",
                "list of all objects, for `kubectl apply -k`",
                _list(paths),
                ("serving",),
            )


def _list(paths: list[str]) -> Manifest:
    return {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": paths}


def _objects(plan: Plan) -> Iterator[Object]:
    for workload in plan.workloads:
        yield from _workload(plan, workload)
    for files in plan.files:
        path = f"config/{files.name}.yaml"
        yield path, files.purpose, _config(plan, files), files.origins
    claims = {each.source: each for workload in plan.workloads for each in workload.volumes if each.kind == "claim"}
    for name, volume in sorted(claims.items()):
        yield (
            f"storage/{name}.yaml",
            "volume that holds the weights, shared by all pods",
            _claim(plan, volume),
            (volume.origin,),
        )


def _workload(plan: Plan, workload: Workload) -> Iterator[Object]:
    makers = {"service": leader_worker_set if workload.nodes > 1 else deployment, "store": stateful_set, "job": job}
    origins, folder = (
        (workload.origin,),
        workload.name if workload.kind != "job" else f"{workload.name.rpartition('-')[0]}",
    )
    own = makers[workload.kind](plan, workload)
    account = _account(plan, workload)
    yield f"{folder}/{own['kind'].lower()}.yaml", workload.purpose, own, origins
    yield f"{folder}/serviceaccount.yaml", f"identity of {workload.name}, without rights", account, origins
    policy = network_policy(plan, workload, plan.monitoring)
    yield f"{folder}/networkpolicy.yaml", f"who may talk to {workload.name}, and to whom it may", policy, origins
    if workload.kind == "job":
        return
    if not rollout_of(plan, workload).splits_traffic():
        yield f"{folder}/service.yaml", f"address of {workload.name}", service(plan, workload), origins
    budget = disruption_budget(plan, workload)
    yield f"{folder}/poddisruptionbudget.yaml", f"how many pods of {workload.name} a drain may take", budget, origins
    if workload.scaling.maximum > workload.scaling.minimum:
        scaler = autoscaler(plan, workload)
        yield f"{folder}/horizontalpodautoscaler.yaml", f"replicas of {workload.name} by its queue", scaler, origins
    yield from _released(plan, workload, own)


def _released(plan: Plan, workload: Workload, own: Manifest) -> Iterator[Object]:
    """What the release adds beside the Deployment."""
    if workload.kind != "service" or workload.nodes > 1:
        return
    meta = plain_metadata(metadata(plan.identity, workload_name(plan.identity, workload), workload))
    for each in rollout_of(plan, workload).objects(workload, meta, own):
        suffix = each["metadata"]["name"].removeprefix(meta["name"])
        path = f"{workload.name}/{each['kind'].lower()}{suffix}.yaml"
        yield path, f"release of {workload.name}: {each['kind']}", each, ("release",)


def _account(plan: Plan, workload: Workload) -> Manifest:
    meta = metadata(plan.identity, workload_name(plan.identity, workload), workload)
    return manifest("v1", "ServiceAccount", meta, automountServiceAccountToken=False)


def _config(plan: Plan, files: Files) -> Manifest:
    meta = metadata(plan.identity, files_name(plan.identity, files))
    return manifest("v1", "ConfigMap", meta, immutable=True, data=dict(files.entries))


def _claim(plan: Plan, volume: Volume) -> Manifest:
    meta = metadata(plan.identity, object_name(volume.source))
    return manifest("v1", "PersistentVolumeClaim", meta, spec=claim_spec(volume))
