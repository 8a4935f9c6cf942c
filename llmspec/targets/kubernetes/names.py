"""Names, labels and quantities as Kubernetes wants them."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from llmspec.artifacts.artifact import Mark
from llmspec.plan import names
from llmspec.plan.names import LONGEST, SUFFIX, object_name
from llmspec.plan.plan import Identity, Manifest
from llmspec.plan.workload import Files, Workload


def workload_name(identity: Identity, workload: Workload) -> str:
    """The name of a workload's objects."""
    return names.workload_name(identity.service, workload.name)


def files_name(identity: Identity, files: Files) -> str:
    """A ConfigMap's name holds the digest of its content: other content, other name, and pods that restart for it."""
    digest = sha256(repr(files.entries).encode()).hexdigest()[:10]
    return f"{object_name(identity.service, files.name, longest=LONGEST - SUFFIX)}-{digest}"


def selector(identity: Identity, workload: Workload) -> Manifest:
    """Labels that tell a workload's pods from all others. They can never change, so they hold nothing that might."""
    return {
        "app.kubernetes.io/name": object_name(workload.name),
        "app.kubernetes.io/instance": object_name(identity.service),
    }


ROLE = "llmspec.dev/role"
"""Label of the pods of a replica on several nodes: `leader` answers, `worker` does not."""


def answering(identity: Identity, workload: Workload) -> Manifest:
    """Labels of the pods that answer: all of them, or of each replica the first."""
    return selector(identity, workload) | ({ROLE: "leader"} if workload.nodes > 1 else {})


def labels(identity: Identity, workload: Workload | None = None) -> Manifest:
    """Labels of an object: Kubernetes' recommended ones, then the service's own, which cannot replace them."""
    own = selector(identity, workload) | {"app.kubernetes.io/component": workload.component} if workload else {}
    own |= {
        "app.kubernetes.io/part-of": object_name(identity.service),
        "app.kubernetes.io/managed-by": "llmspec",
        "llmspec.dev/environment": identity.environment,
    }
    return own | {key: Mark(value, "metadata.labels") for key, value in identity.labels if key not in own}


def metadata(identity: Identity, name: str, workload: Workload | None = None) -> Manifest:
    """`metadata` of an object of this service."""
    owner = {"annotations": {"llmspec.dev/owner": Mark(identity.owner, "metadata.owner")}} if identity.owner else {}
    return {
        "name": name,
        "namespace": Mark(identity.namespace, "serving.namespace"),
        "labels": labels(identity, workload),
        **owner,
    }


def plain_metadata(meta: Manifest) -> Manifest:
    """The same without marks, for what reads names out of it."""
    return {key: value.value if isinstance(value, Mark) else value for key, value in meta.items()}


def size(count: int) -> str:
    """Bytes as a quantity: the largest binary unit that divides it."""
    for unit, factor in (("Ti", 2**40), ("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
        if count and count % factor == 0:
            return f"{count // factor}{unit}"
    return str(count)


def cores(milli: int) -> str:
    """Millicores as a quantity."""
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


def manifest(api: str, kind: str, meta: Manifest, **rest: Any) -> Manifest:
    """An object, with its keys in the order that people expect."""
    return {"apiVersion": api, "kind": kind, "metadata": meta, **rest}
