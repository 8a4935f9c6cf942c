"""How many replicas there are, and how many may be missing."""

from __future__ import annotations

from llmspec.artifacts.artifact import Mark
from llmspec.plan.plan import Manifest, Plan
from llmspec.plan.workload import Workload
from llmspec.targets.kubernetes.controllers import rollout_of
from llmspec.targets.kubernetes.names import answering, manifest, metadata, workload_name

CALM = 300
"""Seconds that a lower load must last before a replica, and its minutes of start-up, is given up (llm-d's guides)."""


def autoscaler(plan: Plan, workload: Workload) -> Manifest:
    """On requests that wait, not on CPU or GPU use: a batching engine keeps both full at any load.

    The metric comes through prometheus-adapter, which gives names without a colon.
    """
    name, scaling = workload_name(plan.identity, workload), workload.scaling
    api, kind = rollout_of(plan, workload).controller(workload)
    if workload.nodes > 1:
        api, kind = "leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"
    target = {"type": "AverageValue", "averageValue": scaling.target}
    metric = {"type": "Pods", "pods": {"metric": {"name": scaling.metric.replace(":", "_")}, "target": target}}
    spec = {
        "scaleTargetRef": {"apiVersion": api, "kind": kind, "name": name},
        "minReplicas": scaling.minimum,
        "maxReplicas": scaling.maximum,
        "metrics": [metric],
        "behavior": {
            "scaleUp": {"stabilizationWindowSeconds": 60, "policies": [_policy(2)]},
            "scaleDown": {"stabilizationWindowSeconds": CALM, "policies": [_policy(1)]},
        },
    }
    meta = metadata(plan.identity, name, workload)
    return manifest("autoscaling/v2", "HorizontalPodAutoscaler", meta, spec=Mark(spec, scaling.origin))


def _policy(pods: int) -> Manifest:
    return {"type": "Pods", "value": pods, "periodSeconds": 120}


def disruption_budget(plan: Plan, workload: Workload) -> Manifest:
    """One pod at a time may be drained, of those that answer; a broken one never holds a drain up."""
    name = workload_name(plan.identity, workload)
    spec = {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": answering(plan.identity, workload)},
    }
    return manifest("policy/v1", "PodDisruptionBudget", metadata(plan.identity, name, workload), spec=spec)
