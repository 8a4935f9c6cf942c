"""Mistakes in what is around pods: traffic, scaling, releases, jobs, names. Rules as in rules.py."""

import re
from hashlib import sha256

from rules import RULES, containers, of_kind, pods, rule, templates, title

__all__ = ["RULES"]
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def within(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


def selected(objects, selector):
    found = [owner for owner, template in templates(objects) if within(selector, template["metadata"]["labels"])]
    return [each for number, each in enumerate(found) if each not in found[:number]]


def port_names(owner):
    boxes = (box for _, pod in pods([owner]) for box in pod["containers"])
    return {port["name"]: port["containerPort"] for box in boxes for port in box.get("ports", [])}


def products(pod):
    """GPU products of the nodes that a pod may land on."""
    terms = pod.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", {})
    rows = [row for term in terms.get("nodeSelectorTerms", []) for row in term["matchExpressions"]]
    return {value for row in rows if row["key"] == "nvidia.com/gpu.product" for value in row["values"]}


def named(objects, kind, name):
    return next((each for each in of_kind(objects, kind) if each["metadata"]["name"] == name), None)


def metrics(objects):
    return [(each, metric) for each in of_kind(objects, "AnalysisTemplate") for metric in each["spec"]["metrics"]]


@rule(20)
def long_answers_are_not_cut(objects):
    for each in of_kind(objects, "HTTPRoute"):
        yield from (title(each) for row in each["spec"]["rules"] if row.get("timeouts", {}).get("request") != "0s")


@rule(22)
def a_rollout_can_move_and_leaves_somebody(objects):
    for each in of_kind(objects, "Deployment"):
        limits = each["spec"]["strategy"].get("rollingUpdate", {"maxSurge": 1, "maxUnavailable": 0})
        missing, replicas = limits["maxUnavailable"], each["spec"].get("replicas", 9)
        if limits["maxSurge"] == missing == 0 or missing >= replicas:
            yield f"{title(each)}: {limits}"


@rule(27)
def selectors_select_their_own_and_hold_no_version(objects):
    for each in of_kind(objects, "Deployment", "StatefulSet"):
        labels = each["spec"]["selector"]["matchLabels"]
        if selected(objects, labels) != [each]:
            yield f"{title(each)}: selects {[title(other) for other in selected(objects, labels)]}"
        if any("version" in key or "hash" in key for key in labels):
            yield f"{title(each)}: a version in a selector that cannot change"


@rule(28)
def ports_exist(objects):
    for each in of_kind(objects, "Service"):
        for owner in selected(objects, each["spec"]["selector"]) or [None]:
            names = port_names(owner) if owner else {}
            ports = [port.get("targetPort") for port in each["spec"]["ports"]]
            yield from (f"{title(each)}: {port}" for port in ports if port not in names)
    for each in of_kind(objects, "PodMonitor"):
        names = [port_names(owner) for owner in selected(objects, each["spec"]["selector"]["matchLabels"])]
        wanted = [end.get("port") for end in each["spec"]["podMetricsEndpoints"]]
        if not names or any(port not in name for name in names for port in wanted):
            yield f"{title(each)}: {wanted}"
    for owner, pod in pods(objects):
        for container in pod["containers"]:
            asked = [container[kind]["httpGet"]["port"] for kind in container if kind.endswith("Probe")]
            yield from (f"{title(owner)}: probes {port}" for port in asked if port not in port_names(owner))


@rule(30)
def replicas_have_one_owner(objects):
    rollouts = {each["spec"]["workloadRef"]["name"]: each for each in of_kind(objects, "Rollout")}
    targets = []
    for each in of_kind(objects, "HorizontalPodAutoscaler"):
        ref = each["spec"]["scaleTargetRef"]
        target = named(objects, ref["kind"], ref["name"])
        targets.append((ref["kind"], ref["name"]))
        if target is None or "replicas" in target["spec"]:
            yield f"{title(each)}: {ref} has replicas of its own, or is not there"
        if ref["kind"] == "Deployment" and ref["name"] in rollouts:
            yield f"{title(each)}: the Rollout owns these replicas"
    yield from (f"{target} is scaled twice" for target in set(targets) if targets.count(target) > 1)
    owned = [named(objects, "Deployment", name) for name in rollouts]
    yield from (f"{title(each)}: the Rollout says it, too" for each in owned if "replicas" in each["spec"])


@rule(32)
def policies_let_through_what_is_needed(objects):
    for owner, template in templates(objects):
        labels = template["metadata"]["labels"]
        policies = of_kind(objects, "NetworkPolicy")
        own = [each for each in policies if within(each["spec"]["podSelector"]["matchLabels"], labels)]
        asked = [row for each in own for row in each["spec"].get("egress", []) if names_servers(row)]
        if not asked:
            yield f"{title(owner)}: cannot ask for names, or has no policy"
        for namespace, port in wanted_callers(objects, labels):
            if not any(admits(row, namespace, port) for each in own for row in each["spec"].get("ingress", [])):
                yield f"{title(owner)}: {namespace} cannot reach {port}"


def names_servers(row):
    ports = {(port["port"], port.get("protocol", "TCP")) for port in row.get("ports", [])}
    return {(53, "UDP"), (53, "TCP")} <= ports


def wanted_callers(objects, labels):
    """Namespaces that must get through to pods with these labels: the monitoring's, and the gateway's."""
    pod = next(owner for owner, template in templates(objects) if template["metadata"]["labels"] == labels)
    for each in of_kind(objects, "PodMonitor"):
        if within(each["spec"]["selector"]["matchLabels"], labels):
            yield from (("monitoring", port_names(pod)[end["port"]]) for end in each["spec"]["podMetricsEndpoints"])
    for route in of_kind(objects, "HTTPRoute"):
        for backend in (backend for row in route["spec"]["rules"] for backend in row["backendRefs"]):
            service = named(objects, "Service", backend["name"])
            if service and within(service["spec"]["selector"], labels):
                spaces = (ref.get("namespace", route["metadata"]["namespace"]) for ref in route["spec"]["parentRefs"])
                yield from ((space, backend["port"]) for space in spaces)


def admits(row, namespace, port):
    whole = [peer for peer in row["from"] if "podSelector" not in peer]
    spaces = [peer.get("namespaceSelector", {}).get("matchLabels", {}) for peer in whole]
    return {"kubernetes.io/metadata.name": namespace} in spaces and port in [each["port"] for each in row["ports"]]


@rule(33)
def budgets_let_nodes_be_drained(objects):
    rows = of_kind(objects, "PodDisruptionBudget")
    budgets = [(each, selected(objects, each["spec"]["selector"]["matchLabels"])) for each in rows]
    for each, found in budgets:
        if "minAvailable" in each["spec"] or not each["spec"].get("maxUnavailable") or len(found) != 1:
            yield f"{title(each)}: {each['spec']}"
    covered = [title(owner) for _, found in budgets for owner in found]
    yield from (title(each) for each in of_kind(objects, "Deployment", "StatefulSet") if title(each) not in covered)


@rule(34)
def spreading_never_stops_a_pod(objects):
    for owner, pod in pods(objects):
        rows = pod.get("topologySpreadConstraints", [])
        yield from (title(owner) for row in rows if row["whenUnsatisfiable"] != "ScheduleAnyway")
        if "podAntiAffinity" in pod.get("affinity", {}):
            yield f"{title(owner)}: anti-affinity leaves no room for a surge"


@rule(37)
def a_canary_has_two_services_and_a_route(objects):
    for each in of_kind(objects, "Rollout"):
        canary = each["spec"]["strategy"]["canary"]
        wanted = {canary["stableService"], canary["canaryService"]}
        plugin = canary["trafficRouting"]["plugins"]["argoproj-labs/gatewayAPI"]
        route = named(objects, "HTTPRoute", plugin["httpRoute"])
        rows = route["spec"]["rules"] if route else []
        backends = [ref["name"] for row in rows for ref in row["backendRefs"]]
        if len(wanted) != 2 or set(backends) != wanted or not all(named(objects, "Service", name) for name in wanted):
            yield f"{title(each)}: {wanted}, {backends}"
        if canary.keys() & {"dynamicStableScale", "scaleDownDelaySeconds"}:
            yield f"{title(each)}: {sorted(canary)}"
        weights = [step["setWeight"] for step in canary["steps"] if "setWeight" in step]
        if not weights or weights != sorted(set(weights)) or weights[-1] >= 100:
            yield f"{title(each)}: weights {weights}"


@rule(38)
def an_analysis_judges_the_canary_and_nothing_else(objects):
    for each, metric in metrics(objects):
        query, given = metric["provider"]["prometheus"]["query"], {row["name"] for row in each["spec"]["args"]}
        conditions = (metric.get("successCondition", ""), metric.get("failureCondition", ""))
        if not all("len(result) > 0" in text and "!isNaN(result[0])" in text for text in conditions):
            yield f"{title(each)}: {metric['name']} is not guarded"
        if "rollouts_pod_template_hash=" not in query or "namespace=" not in query:
            yield f"{title(each)}: {metric['name']} is measured on all pods"
        if set(re.findall(r"\{\{args\.(\w+)\}\}", query)) - given:
            yield f"{title(each)}: {metric['name']} wants an argument that nobody gives"
        window = [int(found) * 60 for found in re.findall(r"\[(\d+)m\]", query)]
        if not window or min(window) < 4 * 15 or not metric.get("initialDelay"):
            yield f"{title(each)}: {metric['name']} is measured too soon"


@rule(38)
def an_analysis_is_given_what_it_wants(objects):
    for each in of_kind(objects, "Rollout"):
        analysis = each["spec"]["strategy"]["canary"].get("analysis", {"templates": []})
        for template in analysis["templates"] or [{"templateName": "none"}]:
            found = named(objects, "AnalysisTemplate", template["templateName"])
            wanted = {row["name"] for row in found["spec"]["args"]} if found else {"a template"}
            if wanted - {row["name"] for row in analysis.get("args", [])}:
                yield f"{title(each)}: {wanted}"
    labels = [label for each in of_kind(objects, "PodMonitor") for label in each["spec"].get("podTargetLabels", [])]
    if of_kind(objects, "Rollout") and "rollouts-pod-template-hash" not in labels:
        yield "the label that tells a canary's pods is not scraped"


@rule(43)
def routes_keep_to_the_standard_channel(objects):
    for each in of_kind(objects, "HTTPRoute"):
        yield from (
            title(each) for row in each["spec"]["rules"] if row.keys() & {"retry", "sessionPersistence", "name"}
        )


@rule(44)
def queries_use_names_that_exist(objects):
    gone = r"gpu_cache_usage_perc|time_per_output_token_seconds(?!_)|\bmodel="
    for each, metric in metrics(objects):
        query = metric["provider"]["prometheus"]["query"]
        if re.search(gone, query) or ("histogram_quantile" in query and "by (le)" not in query):
            yield f"{title(each)}: {query}"
    for each in of_kind(objects, "HorizontalPodAutoscaler"):
        names = [row["pods"]["metric"]["name"] for row in each["spec"]["metrics"]]
        yield from (f"{title(each)}: {name}" for name in names if ":" in name or re.search(gone, name))


@rule(47)
def jobs_end(objects):
    for each in of_kind(objects, "Job"):
        spec, pod = each["spec"], each["spec"]["template"]["spec"]
        for key in ("ttlSecondsAfterFinished", "activeDeadlineSeconds", "backoffLimit", "podFailurePolicy"):
            if key not in spec:
                yield f"{title(each)}: no {key}"
        if pod.get("restartPolicy") != "Never" or spec.get("podReplacementPolicy") != "Failed":
            yield f"{title(each)}: two pods may want one GPU"
        if not re.search(r"-[0-9a-f]{8}$", each["metadata"]["name"]):
            yield f"{title(each)}: its template cannot change under this name"


@rule(48)
def names_and_labels_are_legal(objects):
    for each in objects:
        meta, pod = each["metadata"], each["spec"].get("template", {}).get("spec", {}) if "spec" in each else {}
        parts = [row["name"] for key in ("volumes", "containers", "initContainers") for row in pod.get(key, [])]
        yield from (f"{title(each)}: {name}" for name in (meta["name"], *parts) if not NAME.fullmatch(name))
        template = each.get("spec", {}).get("template", {}).get("metadata", {})
        labels = [meta.get("labels", {}), template.get("labels", {})]
        values = [value for row in labels for value in row.values()]
        yield from (f"{title(each)}: {value}" for value in values if not LABEL.fullmatch(str(value)))


@rule(49)
def text_is_text(objects):
    for each in objects:
        rows = [each["metadata"].get("labels", {}), each["metadata"].get("annotations", {}), each.get("data", {})]
        values = [value for row in rows for value in row.values()]
        values += [env.get("value", "") for *_, box in containers([each]) for env in box.get("env", [])]
        yield from (f"{title(each)}: {value!r}" for value in values if not isinstance(value, str))


@rule(50)
def everything_is_in_one_namespace(objects):
    spaces = {each["metadata"].get("namespace") for each in objects}
    if len(spaces) != 1 or None in spaces:
        yield f"{spaces}"
    yield from (title(each) for each in of_kind(objects, "Namespace", "ClusterRole", "CustomResourceDefinition"))


@rule("configuration")
def configuration_is_named_by_its_content(objects):
    known = set()
    for each in of_kind(objects, "ConfigMap"):
        digest = sha256(repr(tuple(each["data"].items())).encode()).hexdigest()[:10]
        known.add(each["metadata"]["name"])
        if each.get("immutable") is not True or not each["metadata"]["name"].endswith(f"-{digest}"):
            yield f"{title(each)}: not {digest}, or not immutable"
    used = {row["configMap"]["name"] for _, pod in pods(objects) for row in pod["volumes"] if "configMap" in row}
    yield from (f"{name} is mounted and not there" for name in used - known)


@rule(8)
def engines_are_built_where_they_are_served(objects):
    for owner, pod in pods(objects):
        for box in pod.get("initContainers", []):
            if "wait-for" not in box.get("command", [""])[0]:
                continue
            result = re.sub(r"/\.complete(-\d+\.\d+)?$", "", box["args"][0])
            builders = [job for _, job in pods(of_kind(objects, "Job")) if result in job["containers"][0]["args"]]
            if set().union(*map(products, builders)) != products(pod):
                yield f"{title(owner)}: {result} is built elsewhere, or not at all"
            if not re.search(r"-[0-9a-f]{12}$", result):
                yield f"{title(owner)}: {result} does not name what it was made from"
