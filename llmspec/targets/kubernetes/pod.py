"""A workload's pod: containers, volumes, security, where it may land."""

from __future__ import annotations

from typing import Any

from llmspec.artifacts.artifact import Mark
from llmspec.plan.names import object_name
from llmspec.plan.plan import Identity, Manifest, Plan
from llmspec.plan.workload import Container, Env, Gpu, Mount, Probe, Resources, Volume, Workload
from llmspec.render.context import reference
from llmspec.targets.kubernetes.names import ROLE, cores, files_name, labels, selector, size, workload_name

GPU = "nvidia.com/gpu"
DRIVER = "nvidia.com/cuda.driver-version.major"
"""Label of GPU Feature Discovery with the branch of the node's driver, a whole number."""


def pod_template(plan: Plan, workload: Workload, role: str = "") -> Manifest:
    """`template` of whatever makes the pods."""
    own = labels(plan.identity, workload) | ({ROLE: role} if role else {})
    return {"metadata": {"labels": own}, "spec": pod_spec(plan, workload, role)}


def pod_spec(plan: Plan, workload: Workload, role: str = "") -> Manifest:
    """`spec` of a pod that the Pod Security Standard `restricted` admits."""
    identity = plan.identity
    containers = workload.workers if role == "worker" else workload.containers
    restart = {"restartPolicy": "Never"} if workload.kind == "job" else {}
    init = {"initContainers": [_container(identity, each) for each in workload.init]} if workload.init else {}
    return {
        "serviceAccountName": workload_name(identity, workload),
        "automountServiceAccountToken": False,
        # A Service called `vllm` would put VLLM_PORT=tcp://… into every container, and the engine would read it.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": workload.grace,
        **restart,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": workload.user,
            "runAsGroup": workload.user,
            "fsGroup": workload.user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **(_placement(workload.gpus, workload.driver) if workload.gpus else {}),
        **(_spread(identity, workload) if workload.kind == "service" and not role else {}),
        **init,
        "containers": [_container(identity, each) for each in containers],
        "volumes": [_volume(plan, each) for each in workload.volumes if each.kind != "own"],
    }


def _placement(gpus: tuple[Gpu, ...], driver: int) -> Manifest:
    """On nodes that GPU Feature Discovery labels with one of the products' names, and with a driver that is new enough
    for the image's CUDA.
    """
    products = list(dict.fromkeys(product for gpu in gpus for product in gpu.products))
    match: list[Manifest] = [{"key": f"{GPU}.product", "operator": "In", "values": products}]
    if driver:
        match.append({"key": DRIVER, "operator": "Gt", "values": [str(driver - 1)]})
    required = {"nodeSelectorTerms": [{"matchExpressions": match}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    return {
        "affinity": Mark(affinity, gpus[0].origin),
        "tolerations": [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}],
    }


def _spread(identity: Identity, workload: Workload) -> Manifest:
    """Rather on several nodes; never a reason not to run."""
    rule = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(identity, workload)},
    }
    return {"topologySpreadConstraints": [rule]}


def _container(identity: Identity, container: Container) -> Manifest:
    image = container.image if isinstance(container.image, str) else reference(container.image, identity)
    origin = "" if isinstance(container.image, str) else container.image.origin
    return {
        "name": container.name,
        "image": Mark(image, origin),
        "imagePullPolicy": "IfNotPresent",
        **({"command": list(container.command)} if container.command else {}),
        **({"args": list(container.args)} if container.args else {}),
        **({"env": [_env(each) for each in container.env]} if container.env else {}),
        **(
            {"ports": [{"name": port.name, "containerPort": port.number} for port in container.ports]}
            if container.ports
            else {}
        ),
        "resources": Mark(_resources(container.resources), container.resources.origin),
        **({"volumeMounts": [_mount(each) for each in container.mounts]} if container.mounts else {}),
        **_probes(container),
        **({"lifecycle": {"preStop": {"sleep": {"seconds": container.wait}}}} if container.wait else {}),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _env(env: Env) -> Manifest:
    if env.field:
        return {"name": env.name, "valueFrom": {"fieldRef": {"fieldPath": env.field}}}
    if not env.secret:
        return {"name": env.name, "value": env.value}
    optional = {"optional": True} if env.optional else {}
    return {"name": env.name, "valueFrom": {"secretKeyRef": {"name": env.secret, "key": env.key, **optional}}}


def _mount(mount: Mount) -> Manifest:
    return {
        "name": object_name(mount.volume),
        "mountPath": mount.path,
        **({"subPath": mount.sub_path} if mount.sub_path else {}),
        **({"readOnly": True} if mount.read_only else {}),
    }


def _resources(resources: Resources) -> Manifest:
    """GPUs are whole and equal in both; CPU has no limit, because a throttled server misses its probes."""
    scratch, memory = size(resources.scratch), size(resources.memory)
    gpus = {GPU: str(resources.gpus)} if resources.gpus else {}
    return {
        "requests": {"cpu": cores(resources.cpu), "memory": memory, "ephemeral-storage": scratch, **gpus},
        "limits": {"memory": memory, "ephemeral-storage": scratch, **gpus},
    }


def _probes(container: Container) -> Manifest:
    probes = (
        ("startupProbe", container.startup),
        ("readinessProbe", container.ready),
        ("livenessProbe", container.live),
    )
    return {name: _probe(probe) for name, probe in probes if probe}


def _probe(probe: Probe) -> Manifest:
    return {
        "httpGet": {"path": probe.path, "port": probe.port},
        "periodSeconds": probe.period,
        "timeoutSeconds": probe.timeout,
        "failureThreshold": probe.failures,
    }


def _volume(plan: Plan, volume: Volume) -> Manifest:
    files = {each.name: each for each in plan.files}
    sources: dict[str, Any] = {
        "scratch": lambda: {"emptyDir": {"sizeLimit": size(volume.size)}},
        "memory": lambda: {"emptyDir": {"medium": "Memory", "sizeLimit": size(volume.size)}},
        "claim": lambda: {"persistentVolumeClaim": {"claimName": object_name(volume.source)}},
        "files": lambda: {"configMap": {"name": files_name(plan.identity, files[volume.source])}},
    }
    return {"name": object_name(volume.name), **sources[volume.kind]()}
