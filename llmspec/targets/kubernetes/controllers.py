"""What makes the pods: Deployment, StatefulSet, Job."""

from __future__ import annotations

from llmspec.artifacts.artifact import Mark
from llmspec.plan.plan import Manifest, Plan, Rollout
from llmspec.plan.workload import Volume, Workload
from llmspec.targets.kubernetes.names import manifest, metadata, selector, size, workload_name
from llmspec.targets.kubernetes.pod import pod_template


def rollout_of(plan: Plan, workload: Workload) -> Rollout:
    """Generating models are released as the spec says; everything else is replaced in a rolling update."""
    return plan.release if workload.component == "generate" else plan.other_release


def deployment(plan: Plan, workload: Workload) -> Manifest:
    """Without `replicas` where an autoscaler or a rollout's controller sets them: two owners of one field fight."""
    rollout, scaling = rollout_of(plan, workload), workload.scaling
    is_own = scaling.maximum == scaling.minimum and rollout.controller(workload)[1] == "Deployment"
    replicas = {"replicas": Mark(scaling.minimum, scaling.origin)} if is_own else {}
    spec = {
        **replicas,
        "revisionHistoryLimit": 5,
        "progressDeadlineSeconds": workload.deadline,
        "strategy": Mark(rollout.strategy(workload), "release"),
        "selector": {"matchLabels": selector(plan.identity, workload)},
        "template": pod_template(plan, workload),
    }
    return manifest(
        "apps/v1", "Deployment", metadata(plan.identity, workload_name(plan.identity, workload), workload), spec=spec
    )


def leader_worker_set(plan: Plan, workload: Workload) -> Manifest:
    """Replicas of several nodes: the pods of one start, fail and are replaced together."""
    name, scaling = workload_name(plan.identity, workload), workload.scaling
    limits = rollout_of(plan, workload).strategy(workload).get("rollingUpdate", {})
    surge = {"maxSurge": limits.get("maxSurge", 0), "maxUnavailable": limits.get("maxUnavailable", scaling.minimum)}
    replicas = {"replicas": Mark(scaling.minimum, scaling.origin)} if scaling.maximum == scaling.minimum else {}
    spec = {
        **replicas,
        "startupPolicy": "LeaderCreated",
        "rolloutStrategy": Mark({"type": "RollingUpdate", "rollingUpdateConfiguration": surge}, "release"),
        "leaderWorkerTemplate": {
            "size": Mark(workload.nodes, f"{workload.origin}.parallelism"),
            "restartPolicy": "RecreateGroupOnPodRestart",
            "leaderTemplate": pod_template(plan, workload, "leader"),
            "workerTemplate": pod_template(plan, workload, "worker"),
        },
    }
    meta = metadata(plan.identity, name, workload)
    return manifest("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", meta, spec=spec)


def stateful_set(plan: Plan, workload: Workload) -> Manifest:
    name = workload_name(plan.identity, workload)
    spec = {
        "serviceName": name,
        "replicas": Mark(workload.scaling.minimum, workload.scaling.origin),
        "revisionHistoryLimit": 5,
        "selector": {"matchLabels": selector(plan.identity, workload)},
        "template": pod_template(plan, workload),
        "volumeClaimTemplates": [
            {"metadata": {"name": each.name}, "spec": claim_spec(each)}
            for each in workload.volumes
            if each.kind == "own"
        ],
    }
    return manifest("apps/v1", "StatefulSet", metadata(plan.identity, name, workload), spec=spec)


def job(plan: Plan, workload: Workload) -> Manifest:
    """A failed pod is replaced only when it is gone, so that two never want the GPU; an eviction is no failure."""
    template = pod_template(plan, workload)
    spec = {
        "activeDeadlineSeconds": workload.deadline,
        "backoffLimit": 2,
        "ttlSecondsAfterFinished": 86400,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {
            "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
        },
        "template": template,
    }
    name = workload_name(plan.identity, workload)
    return manifest("batch/v1", "Job", metadata(plan.identity, name, workload), spec=spec)


def claim_spec(volume: Volume) -> Manifest:
    """`spec` of a PersistentVolumeClaim."""
    storage = {"storageClassName": volume.storage_class} if volume.storage_class else {}
    return {
        "accessModes": [Mark(volume.access, volume.origin)],
        **storage,
        "resources": {"requests": {"storage": Mark(size(volume.size), volume.origin)}},
    }
