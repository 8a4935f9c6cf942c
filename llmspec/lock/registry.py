"""The digest behind an image's tag, asked of its registry. Beside run-time jobs, all that uses a network."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.v2",
    )
)
SECONDS = 20


class Unresolved(Exception):
    """The registry gave no digest; the message is the reason."""


def split(reference: str) -> tuple[str, str, str]:
    """Registry, repository and tag of `name:tag`, with Docker Hub's defaults. OCI distribution specification 1.1."""
    name, _, tag = reference.rpartition(":")
    first, _, rest = name.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        return first, rest, tag
    return "registry-1.docker.io", name if "/" in name else f"library/{name}", tag


def resolve(reference: str) -> str:
    """`sha256:…` of the manifest, or of the index for several platforms, that the tag names now."""
    registry, repository, tag = split(reference)
    scheme = "http" if registry.split(":")[0] in ("localhost", "127.0.0.1") else "https"
    url = f"{scheme}://{registry}/v2/{repository}/manifests/{tag}"
    try:
        digest = _head(url, {})
    except HTTPError as error:
        digest = _head_with_token(url, error)
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise Unresolved(f"{registry} cannot be reached: {getattr(reason, 'strerror', None) or reason}") from None
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise Unresolved(f"{registry} gave no digest")
    return digest


def _head(url: str, headers: dict[str, str]) -> str:
    request = Request(url, method="HEAD", headers={"Accept": ACCEPT, **headers})  # noqa: S310 - http(s) by construction
    with urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        return str(answer.headers.get("Docker-Content-Digest", ""))


def _head_with_token(url: str, refused: HTTPError) -> str:
    """Once more with the anonymous token that a 401 tells where to get. RFC 6750, as registries use it."""
    challenge = dict(re.findall(r'(\w+)="([^"]*)"', refused.headers.get("WWW-Authenticate", "")))
    host = urlsplit(url).netloc
    if refused.code != 401 or urlsplit(challenge.get("realm", "")).scheme != "https":  # noqa: PLR2004
        raise Unresolved(f"{host} answered {refused.code} {refused.reason}")
    query = urlencode({key: challenge[key] for key in ("service", "scope") if key in challenge})
    try:
        with urlopen(f"{challenge['realm']}?{query}", timeout=SECONDS) as answer:  # noqa: S310
            data: Any = json.loads(answer.read(1 << 20))
        return _head(url, {"Authorization": f"Bearer {data.get('token') or data['access_token']}"})
    except (OSError, ValueError, KeyError) as error:
        raise Unresolved(f"{host} refused an anonymous request: {error}") from None
