"""What things are called on a network: DNS labels (RFC 1123) and addresses."""

from __future__ import annotations

from hashlib import sha256

LONGEST = 63
"""Characters of a DNS label; names of Services and values of labels must be one."""
SUFFIX = 11
"""Characters left free in a workload's name for what controllers and services add."""


def object_name(*parts: str, longest: int = LONGEST) -> str:
    """Parts joined by `-`. A name that is too long is cut, and keeps apart from others by a digest of the whole."""
    name = "-".join(parts)
    if len(name) <= longest:
        return name
    digest = sha256(name.encode()).hexdigest()[:8]
    return f"{name[: longest - 9].rstrip('-')}-{digest}"


def workload_name(service: str, workload: str) -> str:
    """The name of all objects of a workload."""
    return object_name(service, workload, longest=LONGEST - SUFFIX)


def address(service: str, workload: str, namespace: str, port: int) -> str:
    """The URL of a workload's Service, from any namespace of its cluster."""
    return f"http://{workload_name(service, workload)}.{namespace}.svc:{port}"
