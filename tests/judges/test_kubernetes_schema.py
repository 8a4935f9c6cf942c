"""Kubernetes' own OpenAPI schemas, with unknown fields refused, on the oldest and the newest release we promise."""

import copy

import kubernetes_validate
import pytest
import yaml
from judged import object_files

CUSTOM = {
    ("argoproj.io/v1alpha1", "AnalysisTemplate"),
    ("argoproj.io/v1alpha1", "Rollout"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
}  # fmt: skip
"""Kinds that Kubernetes does not have itself; test_custom_resources.py judges them."""


def kind(data):
    return data["apiVersion"], data["kind"]


@pytest.mark.parametrize("path", object_files())
@pytest.mark.parametrize("version", ["1.34", "1.37"])
def test_object(path, version):
    data = yaml.safe_load(path.read_text("utf-8"))
    if kind(data) not in CUSTOM:
        assert kubernetes_validate.validate(data, version, strict=True) == version


@pytest.mark.parametrize(
    ("at", "key", "value"),
    [((), "unknown", 1), (("spec",), "replicas", "2"), (("spec", "template", "spec"), "enableServiceLink", False)],
    ids=["unknown-top", "wrong-type", "misspelt"],
)
def test_it_would_notice(at, key, value):
    path = next(each.values[0] for each in object_files() if each.id.endswith("chat/deployment.yaml"))
    data = inner = copy.deepcopy(yaml.safe_load(path.read_text("utf-8")))
    for step in at:
        inner = inner[step]
    inner[key] = value
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(data, "1.37", strict=True)
