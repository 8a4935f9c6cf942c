"""Mistakes that an expert would catch in a pod, each a function from the objects of one environment to what is wrong.

A rule is found by its decorator, whose number is that of the list in the project's notes on Kubernetes. The rules of
traffic, releases and jobs are in rules_release.py.
"""

import re

import yaml

RULES = {}
"""Rules by name."""
GPU = "nvidia.com/gpu"
CLAIM = "persistentVolumeClaim"
GROUP = ("LWS_LEADER_ADDRESS", "LWS_WORKER_INDEX", "LWS_GROUP_SIZE")
"""Variables that LeaderWorkerSet gives every container."""
SECONDS = {"periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3}
"""Kubernetes' defaults of a probe."""
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "m": 0.001, "": 1}


def rule(number):  # noqa: ARG001 - read by people
    def enrol(function):
        RULES[function.__name__] = lambda objects: list(function(objects))
        return function

    return enrol


def quantity(text):
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text)).groups()
    return float(number) * UNITS[unit]


def title(each):
    return f"{each['kind']}/{each['metadata']['name']}"


def of_kind(objects, *kinds):
    return [each for each in objects if each["kind"] in kinds]


def owners(objects):
    return of_kind(objects, "Deployment", "StatefulSet", "Job", "LeaderWorkerSet")


def templates(objects):
    """Each pod template with its owner; a LeaderWorkerSet has two."""
    for each in owners(objects):
        group = each["spec"].get("leaderWorkerTemplate", {})
        found = [group["leaderTemplate"], group["workerTemplate"]] if group else [each["spec"]["template"]]
        yield from ((each, template) for template in found)


def pods(objects):
    """Each pod's owner and spec."""
    return [(each, template["spec"]) for each, template in templates(objects)]


def containers(objects, *, init=True):
    """Each container with its owner and pod."""
    for owner, pod in pods(objects):
        for container in (pod.get("initContainers", []) if init else []) + pod["containers"]:
            yield owner, pod, container


def gpus(container, where="limits"):
    return container["resources"].get(where, {}).get(GPU)


def config_of(objects, pod, container):
    """The options that a server reads from its mounted configuration, or nothing."""
    volumes = {each["name"]: each["configMap"]["name"] for each in pod["volumes"] if "configMap" in each}
    mounted = {volumes.get(mount["name"]) for mount in container.get("volumeMounts", [])}
    for each in of_kind(objects, "ConfigMap"):
        if each["metadata"]["name"] in mounted and "serve.yaml" in each["data"]:
            return yaml.safe_load(each["data"]["serve.yaml"])
    return {}


def argument(container, name):
    found = (each.partition("=")[2] for each in container.get("args", []) if each.startswith(f"{name}="))
    return next(found, None)


def empty_dirs(pod, *, memory):
    return {
        each["name"]: each["emptyDir"]
        for each in pod["volumes"]
        if "emptyDir" in each and (each["emptyDir"].get("medium") == "Memory") == memory
    }


@rule(1)
def gpus_are_whole_and_equal(objects):
    for owner, _, container in containers(objects):
        asked, limit = gpus(container, "requests"), gpus(container)
        if asked != limit or not re.fullmatch(r"[1-9][0-9]*", str(limit or 1)):
            yield f"{title(owner)}: {container['name']} asks for {asked} and is limited to {limit}"


@rule(2)
def gpus_match_parallelism(objects):
    for owner, pod, container in containers(objects):
        tensor = config_of(objects, pod, container).get("tensor-parallel-size")
        if tensor is not None and int(gpus(container) or 0) != tensor:
            yield f"{title(owner)}: {tensor} GPUs are shared, {gpus(container)} asked for"


@rule(3)
def gpus_are_tolerated_and_only_by_their_users(objects):
    for owner, pod in pods(objects):
        wants = any(gpus(container) for container in pod["containers"])
        tolerates = any(each.get("key") == GPU for each in pod.get("tolerations", []))
        if wants != tolerates:
            yield f"{title(owner)}: tolerates={tolerates} wants={wants}"


@rule(4)
def gpus_are_placed_by_a_label_that_exists(objects):
    for owner, pod in pods(objects):
        affinity = pod.get("affinity", {}).get("nodeAffinity", {})
        terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", [])
        rows = [each for term in terms for each in term["matchExpressions"]]
        products = [value for each in rows if each["key"] == f"{GPU}.product" for value in each.get("values", [])]
        if any(map(gpus, pod["containers"])) and not any(value.startswith("NVIDIA-") for value in products):
            yield f"{title(owner)}: no product of GPU Feature Discovery"
        if GPU in pod.get("nodeSelector", {}):
            yield f"{title(owner)}: selects a label that nobody sets"


@rule(5)
def no_second_way_to_a_gpu(objects):
    for owner, pod, container in containers(objects):
        if "resourceClaims" in pod or "claims" in container["resources"]:
            yield f"{title(owner)}: a claim beside {GPU}"


@rule(7)
def no_runtime_class(objects):
    yield from (title(owner) for owner, pod in pods(objects) if "runtimeClassName" in pod)


@rule(9)
def init_containers_want_no_gpu(objects):
    for owner, pod in pods(objects):
        yield from (title(owner) for container in pod.get("initContainers", []) if gpus(container))


@rule(10)
def shared_memory(objects):
    for owner, pod, container in containers(objects, init=False):
        sizes = empty_dirs(pod, memory=True)
        mounts = {mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] == "/dev/shm"}
        if int(gpus(container) or 0) > 1 and not mounts & set(sizes):
            yield f"{title(owner)}: several GPUs without /dev/shm"
        total = sum(quantity(each.get("sizeLimit", "9999Ti")) for each in sizes.values())
        if total >= quantity(container["resources"]["limits"]["memory"]):
            yield f"{title(owner)}: shared memory is not less than the memory limit"


@rule(11)
def disk_is_asked_for(objects):
    for owner, pod in pods(objects):
        asked = [each["resources"]["requests"].get("ephemeral-storage") for each in pod["containers"]]
        limits = [each["resources"]["limits"].get("ephemeral-storage", "0") for each in pod["containers"]]
        used = sum(quantity(each.get("sizeLimit", "9999Ti")) for each in empty_dirs(pod, memory=False).values())
        if not all(asked) or used > sum(map(quantity, limits)):
            yield f"{title(owner)}: its emptyDirs may hold {used:.0f} bytes, its containers {limits}"


@rule(12)
def a_shared_claim_can_be_shared(objects):
    kind = "PersistentVolumeClaim"
    claims = {each["metadata"]["name"]: each["spec"]["accessModes"] for each in of_kind(objects, kind)}
    mounted = [each[own] for _, pod in pods(objects) for each in pod["volumes"] for own in each if own == CLAIM]
    users = [each["claimName"] for each in mounted]
    for name in set(users):
        if name not in claims or (users.count(name) > 1 and "ReadWriteMany" not in claims[name]):
            yield f"{name}: {claims.get(name)}"


@rule(13)
def images_are_pinned(objects):
    for owner, _, container in containers(objects):
        if not re.search(r"(@sha256:[0-9a-f]{64}|:[0-9a-f]{16})$", container["image"]):
            yield f"{title(owner)}: {container['image']}"
        if container.get("imagePullPolicy") != "IfNotPresent":
            yield f"{title(owner)}: pulls {container['name']} again at every start"


@rule(14)
def what_is_written_is_writable(objects):
    for owner, _, container in containers(objects):
        places = [mount["mountPath"] for mount in container.get("volumeMounts", []) if not mount.get("readOnly")]
        for each in container.get("env", []):
            is_path = re.search(r"HOME$|CACHE|TEMP|SNAPSHOTS", each["name"]) and "value" in each
            if is_path and not any(each["value"].startswith(place) for place in places):
                yield f"{title(owner)}: {each['name']} is {each['value']}, which is read-only"


@rule(16)
def servers_of_fetched_weights_are_offline(objects):
    for owner, pod, container in containers(objects, init=False):
        values = {each["name"]: each.get("value") for each in container.get("env", [])}
        if config_of(objects, pod, container) and values.get("HF_HUB_OFFLINE") != "1":
            yield title(owner)


def budget(probe):
    return probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)


@rule(17)
def servers_have_time_to_start(objects):
    """And 21: the controller waits longer than the probe."""
    for owner, _, container in containers(of_kind(objects, "Deployment", "StatefulSet"), init=False):
        probe = container.get("startupProbe")
        if not probe or "initialDelaySeconds" in container["livenessProbe"]:
            yield f"{title(owner)}: no startup probe"
        elif budget(probe) < 300:
            yield f"{title(owner)}: {budget(probe)} s to start"


@rule(21)
def controllers_wait_for_the_start(objects):
    for owner in of_kind(objects, "Deployment", "Rollout"):
        ref = owner["spec"].get("workloadRef", {}).get("name", owner["metadata"]["name"])
        pod = next(pod for other, pod in pods(objects) if other["metadata"]["name"] == ref and other["kind"] != "Job")
        need = max(budget(each["startupProbe"]) for each in pod["containers"] if "startupProbe" in each)
        builds = [each["spec"]["activeDeadlineSeconds"] for each in of_kind(objects, "Job")]
        waits = any("wait-for" in " ".join(each.get("command", [])) for each in pod.get("initContainers", []))
        if owner["spec"].get("progressDeadlineSeconds", 600) <= need + (max(builds, default=0) if waits else 0):
            yield f"{title(owner)}: gives up before its pods do"


@rule(18)
def liveness_is_cheap_and_patient(objects):
    for owner, _, container in containers(of_kind(objects, "Deployment", "StatefulSet"), init=False):
        probe = container["livenessProbe"]
        if re.search(r"generate|/v1/", probe["httpGet"]["path"]):
            yield f"{title(owner)}: liveness asks the model"
        if probe.get("timeoutSeconds", 1) < 5 or probe.get("failureThreshold", 3) < 3:
            yield f"{title(owner)}: liveness is impatient"
        if "host" in probe["httpGet"]:
            yield f"{title(owner)}: a probe names a host"


@rule(19)
def there_is_time_to_stop(objects):
    for owner, pod, container in containers(of_kind(objects, "Deployment"), init=False):
        wait = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        drain = config_of(objects, pod, container).get("shutdown-timeout") or argument(container, "--exit-timeout-secs")
        # These have no such setting: they answer what they have until they are killed.
        drain = drain or (45 if container["name"] in ("sglang", "tensorrt-llm") else None)
        if not wait or not drain or pod.get("terminationGracePeriodSeconds", 30) <= wait + int(drain):
            yield f"{title(owner)}: {pod.get('terminationGracePeriodSeconds')} s for {wait} + {drain}"


@rule(23)
def no_service_links(objects):
    yield from (title(owner) for owner, pod in pods(objects) if pod.get("enableServiceLinks") is not False)


@rule(24)
def nothing_needs_a_shell(objects):
    """And 25: a shell as process 1 would keep the signal to stop for itself."""
    for owner, _, container in containers(objects):
        if "exec" in container.get("lifecycle", {}).get("preStop", {}):
            yield f"{title(owner)}: preStop runs a command"
        if container.get("command", [""])[0].rpartition("/")[2] in ("sh", "bash"):
            yield f"{title(owner)}: a shell in between"


@rule(26)
def no_variables_that_nobody_fills(objects):
    """A container's own variables are filled if they come before; of others, those that LeaderWorkerSet sets."""
    for owner, _, container in containers(objects):
        filled = set(GROUP if owner["kind"] == "LeaderWorkerSet" else ())
        for each in container.get("env", []):
            yield from _unfilled(owner, each.get("value", ""), filled)
            filled.add(each["name"])
        for word in [*container.get("command", []), *container.get("args", [])]:
            yield from _unfilled(owner, word, filled)


def _unfilled(owner, word, filled):
    for name in re.findall(r"\$[({]([^)}]*)", word):
        if name not in filled or "${" in word:
            yield f"{title(owner)}: {word}"


@rule(31)
def no_secret_in_the_open(objects):
    for owner, _, container in containers(objects):
        for each in container.get("env", []):
            if re.search(r"TOKEN|PASSWORD|SECRET|API_?KEY|ACCESS_KEY", each["name"]) and "value" in each:
                yield f"{title(owner)}: {each['name']} is written out"
    for each in of_kind(objects, "ConfigMap"):
        if re.search(r"hf_[A-Za-z0-9]{20}|sk-[A-Za-z0-9]{20}|AKIA[A-Z0-9]{16}|PRIVATE KEY", str(each["data"])):
            yield f"{title(each)}: a secret"
    yield from (title(each) for each in of_kind(objects, "Secret"))


@rule(35)
def pods_are_restricted(objects):
    """Pod Security Standard `restricted`, with a root file system that is read-only on top."""
    for owner, pod in pods(objects):
        own = pod.get("securityContext", {})
        if own.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
            yield f"{title(owner)}: no seccomp profile"
        if own.get("runAsNonRoot") is not True or own.get("runAsUser", 0) == 0:
            yield f"{title(owner)}: may run as root"
        yield from (f"{title(owner)}: {key}" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key))
        yield from (f"{title(owner)}: hostPath" for volume in pod["volumes"] if "hostPath" in volume)
    for owner, _, container in containers(objects):
        own = container.get("securityContext", {})
        wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        if own != wanted:
            yield f"{title(owner)}: {container['name']} has {own}"


@rule(36)
def no_rights_and_no_foreign_code(objects):
    accounts = {each["metadata"]["name"]: each for each in of_kind(objects, "ServiceAccount")}
    for owner, pod in pods(objects):
        account = accounts.get(pod.get("serviceAccountName"), {})
        if any(each.get("automountServiceAccountToken") is not False for each in (pod, account)):
            yield f"{title(owner)}: a token is mounted"
    for owner, pod, container in containers(objects):
        if config_of(objects, pod, container).get("trust-remote-code"):
            yield f"{title(owner)}: runs code of the checkpoint"
