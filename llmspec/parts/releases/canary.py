"""A canary by Argo Rollouts: a share of the traffic through Gateway API, judged by metrics, stopped by them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from llmspec.artifacts.artifact import Mark
from llmspec.families import Release
from llmspec.part import Section
from llmspec.plan.plan import Manifest
from llmspec.plan.workload import Caller, Workload
from llmspec.report.code import Code
from llmspec.report.place import Path
from llmspec.report.report import Report
from llmspec.scalars import Count, Fraction, Name, Percent, Positive, Seconds, Text, doc

STEPS_DO_NOT_RISE = Code(
    "LS383", "canary-steps-do-not-rise", "step {number} sets {weight} %, and the step before it {before} %",
    why="A canary gets more traffic step by step; a smaller weight after a larger one undoes what was learnt.",
)  # fmt: skip
LAST_STEP_IS_ALL = Code(
    "LS384", "canary-step-of-everything", "a step of 100 % is no canary",
    why="After the last step the new version gets all traffic anyway; a step that does it first can only pause there.",
)  # fmt: skip
CANNOT_JUDGE = Code(
    "LS385", "canary-without-signal", "`{workload}` has no metric to judge a canary by",
    why="A canary that nothing can stop is a slow rollout.",
)  # fmt: skip

ONE_POD_ONLY = Code(
    "LS387", "canary-over-nodes", "`{workload}` runs on several nodes, which Argo Rollouts cannot split",
    why="A Rollout replaces pods of a Deployment. The pods of a replica on several nodes are a LeaderWorkerSet's.",
)  # fmt: skip
NO_STEPS = Code(
    "LS386", "canary-without-steps", "a canary needs at least one step",
    why="Without steps the new version gets all traffic at once, before anything of it is measured.",
)  # fmt: skip

SELECTOR = 'namespace="{{args.namespace}}",rollouts_pod_template_hash="{{args.canary}}"'


class Step(Section):
    """A share of the traffic, for a time."""

    set_weight: Annotated[Percent, doc("Percent of the requests that the new version gets.")]
    pause: Annotated[Seconds, doc("How long, before the next step.")] = Seconds(600)


class HostName(Text):
    """A host name of Gateway API: labels of DNS, the first of which may be `*`."""

    pattern = r"(?=.{1,253}$)(\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*"
    what = "a host name in lower case, such as `chat.acme.example` or `*.acme.example`"
    example = "chat.acme.example"


class Address(Text):
    """The URL of a server, without credentials, query or anything that Argo's templates could fill."""

    pattern = r"https?://[A-Za-z0-9]([A-Za-z0-9.-]{0,252})(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?"
    what = "the URL of a server"
    example = "http://prometheus-operated.monitoring.svc:9090"


class Gateway(Section):
    """The Gateway that the requests come through."""

    name: Annotated[Name, doc("Name of the Gateway.")]
    namespace: Annotated[Name | None, doc("Its namespace. Default: the service's.")] = None
    hostnames: Annotated[
        tuple[HostName, ...], doc("Host names of the requests. Default: all that the Gateway takes.")
    ] = ()


class Analysis(Section):
    """What the new version must hold, measured on its own pods alone; else it is aborted and rolled back."""

    prometheus: Annotated[Address, doc("Address of Prometheus, as the Argo Rollouts controller reaches it.")] = Address(
        "http://prometheus-operated.monitoring.svc:9090"
    )
    max_error_ratio: Annotated[Fraction, doc("Share of requests that may fail.")] = 0.02
    max_time_to_first_token: Annotated[Positive | None, doc("Seconds to the first token, 95th percentile.")] = None
    interval: Annotated[Seconds, doc("Time between two measurements.")] = Seconds(60)
    failure_limit: Annotated[Count, doc("Measurements that may fail before the release is aborted.")] = 2


class Canary(Release, kw_only=True):
    """First a small share of the traffic, then more, then all of it."""

    kind = "canary"
    provider: Annotated[Literal["argo-rollouts"], doc("Controller that moves the traffic.")] = "argo-rollouts"
    gateway: Annotated[Gateway, doc("Gateway API entry.")]
    steps: Annotated[tuple[Step, ...], doc("Shares of the traffic, rising.")] = (
        Step(set_weight=5),
        Step(set_weight=25),
        Step(set_weight=50),
    )
    analysis: Annotated[Analysis, doc("When to stop.")] = Analysis()

    def check(self, workload: Workload, at: Path, report: Report) -> None:
        if not self.steps:
            report.say(NO_STEPS, (*at, "steps"), help="write `steps: [{setWeight: 10}]`")
        before = 0
        for index, step in enumerate(self.steps):
            where = (*at, "steps", index, "setWeight")
            if step.set_weight <= before:
                also = [((*at, "steps", index - 1, "setWeight"), "the step before")]
                facts: dict[str, Any] = {"number": index + 1, "weight": step.set_weight, "before": before}
                report.say(STEPS_DO_NOT_RISE, where, also=also, help="let each step set more than the last", **facts)
            if step.set_weight == 100:  # noqa: PLR2004 - percent
                report.say(LAST_STEP_IS_ALL, where, help="remove this step")
            before = step.set_weight
        if workload.nodes > 1:
            also = [((*tuple(workload.origin.split(".")), "parallelism"), "its GPUs")]
            report.say(ONE_POD_ONLY, (*at, "kind"), workload=workload.name, also=also, help="use `kind: rolling`")
        if "errorRatio" not in dict(workload.signals):
            report.say(CANNOT_JUDGE, (*at, "kind"), workload=workload.name, help="use `kind: rolling`")

    def callers(self, namespace: str) -> tuple[Caller, ...]:
        where = self.gateway.namespace or namespace
        return (Caller(namespace=where, ports=("http",), origin="release.gateway"),)

    def splits_traffic(self) -> bool:
        return True

    def strategy(self, workload: Workload) -> Manifest:  # noqa: ARG002 - the Rollout has the strategy
        return {"type": "RollingUpdate"}

    def controller(self, workload: Workload) -> tuple[str, str]:  # noqa: ARG002
        return "argoproj.io/v1alpha1", "Rollout"

    def objects(self, workload: Workload, meta: Manifest, deployment: Manifest) -> Iterable[Manifest]:
        name = meta["name"]
        yield self._rollout(workload, meta, deployment)
        for track in ("stable", "canary"):
            selector = deployment["spec"]["selector"]["matchLabels"]
            yield _service({**meta, "name": f"{name}-{track}"}, workload, selector)
        yield self._route(workload, meta)
        yield self._analysis(workload, meta)
        yield _monitor(workload, meta, deployment)

    def _rollout(self, workload: Workload, meta: Manifest, deployment: Manifest) -> Manifest:
        name, scaling = meta["name"], workload.scaling
        replicas = {} if scaling.maximum > scaling.minimum else {"replicas": Mark(scaling.minimum, scaling.origin)}
        route = {"httpRoute": name, "namespace": meta["namespace"]}
        canary = {
            "stableService": f"{name}-stable",
            "canaryService": f"{name}-canary",
            "trafficRouting": {"plugins": {"argoproj-labs/gatewayAPI": route}},
            "maxSurge": 1,
            "maxUnavailable": 0,
            "analysis": {"templates": [{"templateName": name}], "startingStep": 1, "args": _arguments()},
            "steps": Mark([action for step in self.steps for action in _actions(step)], "release.steps"),
        }
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "metadata": meta,
            "spec": {
                **replicas,
                "revisionHistoryLimit": 3,
                "progressDeadlineSeconds": deployment["spec"]["progressDeadlineSeconds"],
                "progressDeadlineAbort": True,
                "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "scaleDown": "onsuccess"},
                "strategy": {"canary": Mark(canary, "release")},
            },
        }

    def _route(self, workload: Workload, meta: Manifest) -> Manifest:
        name, port = meta["name"], workload.containers[0].ports[0].number
        parent = {"name": self.gateway.name} | ({"namespace": self.gateway.namespace} if self.gateway.namespace else {})
        backends = [
            {"name": f"{name}-{track}", "port": port, "weight": weight}
            for track, weight in (("stable", 100), ("canary", 0))
        ]
        hosts = {"hostnames": list(self.gateway.hostnames)} if self.gateway.hostnames else {}
        rule = {"backendRefs": backends, "timeouts": {"request": "0s"}}
        spec = {"parentRefs": [Mark(parent, "release.gateway")], **hosts, "rules": [rule]}
        return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": meta, "spec": spec}

    def _analysis(self, workload: Workload, meta: Manifest) -> Manifest:
        limits = {
            "errorRatio": self.analysis.max_error_ratio,
            "timeToFirstTokenP95": self.analysis.max_time_to_first_token,
        }
        metrics = [
            self._metric(signal, query, limits[signal])
            for signal, query in workload.signals
            if limits.get(signal) is not None
        ]
        arguments = [{"name": "canary"}, {"name": "namespace"}]
        spec = {"args": arguments, "metrics": Mark(metrics, "release.analysis")}
        return {"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate", "metadata": meta, "spec": spec}

    def _metric(self, signal: str, query: str, limit: Any) -> Manifest:
        """One measurement: no traffic (an empty vector or NaN) is inconclusive, never a pass and never a failure."""
        measured = "len(result) > 0 && !isNaN(result[0])"
        return {
            "name": "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in signal),
            "interval": f"{self.analysis.interval}s",
            "initialDelay": "120s",
            "failureLimit": self.analysis.failure_limit,
            "inconclusiveLimit": 30,
            "successCondition": f"{measured} && result[0] <= {limit}",
            "failureCondition": f"{measured} && result[0] > {limit}",
            "provider": {
                "prometheus": {"address": self.analysis.prometheus, "query": query.replace("$SELECTOR", SELECTOR)}
            },
        }


def _actions(step: Step) -> Iterator[Manifest]:
    yield {"setWeight": step.set_weight}
    yield {"pause": {"duration": f"{step.pause}s"}}


def _arguments() -> list[Manifest]:
    return [
        {"name": "canary", "valueFrom": {"podTemplateHashValue": "Latest"}},
        {"name": "namespace", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
    ]


def _service(meta: Manifest, workload: Workload, selector: Manifest) -> Manifest:
    ports = [{"name": port.name, "port": port.number, "targetPort": port.name} for port in workload.containers[0].ports]
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": selector, "ports": ports}}


def _monitor(workload: Workload, meta: Manifest, deployment: Manifest) -> Manifest:
    """Scrapes the pods with the label that tells the canary's from the others'."""
    spec = {
        "selector": {"matchLabels": deployment["spec"]["selector"]["matchLabels"]},
        "podTargetLabels": ["rollouts-pod-template-hash"],
        "podMetricsEndpoints": [{"port": workload.metrics_port, "path": workload.metrics_path, "interval": "15s"}],
    }
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": meta, "spec": spec}
