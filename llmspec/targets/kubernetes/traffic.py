"""Who reaches a workload, and whom it reaches."""

from __future__ import annotations

from llmspec.artifacts.artifact import Mark
from llmspec.plan.plan import Manifest, Plan
from llmspec.plan.workload import Caller, Port, Workload
from llmspec.targets.kubernetes.names import answering, manifest, metadata, selector, workload_name

NAMESPACE = "kubernetes.io/metadata.name"
METADATA_SERVICE = "169.254.169.254/32"
"""Where clouds answer with a node's credentials; no workload of ours has business there."""


def ports_of(workload: Workload) -> tuple[Port, ...]:
    return tuple(port for container in workload.containers for port in container.ports)


def service(plan: Plan, workload: Workload) -> Manifest:
    name = workload_name(plan.identity, workload)
    headless = {"clusterIP": "None"} if workload.kind == "store" else {}
    ports = [{"name": port.name, "port": port.number, "targetPort": port.name} for port in ports_of(workload)]
    spec = {**headless, "selector": answering(plan.identity, workload), "ports": ports}
    return manifest("v1", "Service", metadata(plan.identity, name, workload), spec=spec)


def network_policy(plan: Plan, workload: Workload, monitoring: str) -> Manifest:
    """Nothing but what is listed, in both directions. Pods of a replica on several nodes meet on ports of NCCL's
    choice.
    """
    name = workload_name(plan.identity, workload)
    own = [{"podSelector": {"matchLabels": selector(plan.identity, workload)}}] if workload.nodes > 1 else []
    spec = {
        "podSelector": {"matchLabels": selector(plan.identity, workload)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            *(_from(each, workload) for each in workload.callers),
            *_scrape(workload, monitoring),
            *({"from": [peer]} for peer in own),
        ],
        "egress": [_names(), *([_https()] if workload.internet else []), *({"to": [peer]} for peer in own)],
    }
    return manifest("networking.k8s.io/v1", "NetworkPolicy", metadata(plan.identity, name, workload), spec=spec)


def _from(caller: Caller, workload: Workload) -> Manifest:
    labels = {"podSelector": {"matchLabels": dict(caller.labels)}} if caller.labels else {}
    peer = {"namespaceSelector": {"matchLabels": {NAMESPACE: caller.namespace}}, **labels}
    ports = [port for port in ports_of(workload) if port.name in caller.ports]
    return {"from": [Mark(peer, caller.origin)], "ports": [_port(port.number) for port in ports]}


def _scrape(workload: Workload, monitoring: str) -> list[Manifest]:
    number = next((port.number for port in ports_of(workload) if port.name == workload.metrics_port), None)
    if number is None:
        return []
    peer = {"namespaceSelector": {"matchLabels": {NAMESPACE: monitoring}}}
    return [{"from": [Mark(peer, "serving.monitoringNamespace")], "ports": [_port(number)]}]


def _names() -> Manifest:
    """The cluster's DNS."""
    peer = {
        "namespaceSelector": {"matchLabels": {NAMESPACE: "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    return {"to": [peer], "ports": [_port(53, "UDP"), _port(53)]}


def _https() -> Manifest:
    return {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [METADATA_SERVICE]}}], "ports": [_port(443)]}


def _port(number: int, protocol: str = "TCP") -> Manifest:
    return {"port": number, "protocol": protocol}
