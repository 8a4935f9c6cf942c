"""The image of a Dockerfile, with a stand-in for the image that it begins with."""

import hashlib
import os
import re
import shlex
import sys
from collections import defaultdict
from pathlib import Path

from calls import Failed, need, run

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PIP_SETTINGS = {"index-url", "extra-index-url", "trusted-host", "proxy", "default-timeout", "timeout", "retries"}
LEAN = {
    "nvidia-modelopt[hf]": "torch with CUDA, transformers, deepspeed and more, which unpack to many GB",
    "transformers": "what torch and ModelOpt need, which another builder's image has in full",
}
"""Package → what it depends on, too heavy for this test."""
ARG = re.compile(r"(?mi)^ARG\s+(?P<name>\w+)")
FROM = re.compile(r"(?mi)^FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*$")
VARIABLE = re.compile(r"\$\{?(\w+)\}?")


def contexts(folder: Path) -> dict[str, list[Path]]:
    """Dockerfiles by the digest of their build context: environments often share an image."""
    found = defaultdict(list)
    for dockerfile in sorted(folder.glob("*/*/docker/*/Dockerfile")):
        digest = hashlib.sha256()
        for path in sorted(path for path in dockerfile.parent.rglob("*") if path.is_file()):
            digest.update(
                f"{path.relative_to(dockerfile.parent)}\0{path.stat().st_mode}\0".encode() + path.read_bytes()
            )
        found[digest.hexdigest()[:12]].append(dockerfile)
    return dict(found)


def base_arguments(text: str) -> list[str]:
    """The build arguments that name upstream images, as every FROM must, so that others can stand in."""
    declared, stages, names = set(), set(), []
    for line in text.splitlines():
        if arg := ARG.match(line):
            declared.add(arg["name"])
        if origin := FROM.match(line):
            variable = VARIABLE.fullmatch(origin["image"])
            if variable and variable[1] in declared:
                names.append(variable[1])
            elif origin["image"] not in stages and origin["image"] != "scratch":
                raise Failed(f"FROM {origin['image']}: no build argument, so nothing can stand in for it")
            stages.add(origin["stage"] or "")
    return names


def host_mounts(cache: Path, lean: bool) -> tuple[str, ...]:
    """This machine's way to its package index, mounted over files of the base, so that it leaves no trace.

    Bytecode and a cache of downloads are left out for time's sake, and of a `lean` image what its packages depend on.
    """
    settings = run(sys.executable, "-m", "pip", "config", "list").stdout
    lines = dict(re.findall(r"(?m)^(?:global|user|site|:env:)\.([\w-]+)='(.*)'$", settings))
    config = cache / ("pip-lean.conf" if lean else "pip.conf")
    chosen = {"cert": CERTIFICATES} | {name: value for name, value in lines.items() if name in PIP_SETTINGS}
    chosen |= {"no-compile": "true", "no-cache-dir": "true"} | ({"no-deps": "true"} if lean else {})
    config.touch(mode=0o600)
    config.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in chosen.items()))
    mounts = [f"{config}:/etc/pip.conf:ro"]
    certificates = next((path for path in certificate_files(lines) if path and Path(path).is_file()), None)
    if certificates:
        mounts.append(f"{certificates}:{CERTIFICATES}:ro")
    return tuple(part for mount in mounts for part in ("--volume", mount))


def certificate_files(lines: dict[str, str]) -> tuple[str | None, ...]:
    return (os.environ.get("PIP_CERT"), lines.get("cert"), os.environ.get("SSL_CERT_FILE"), CERTIFICATES)


def build(dockerfile: Path, tag: str, base: str, mounts: tuple[str, ...]) -> None:
    names = base_arguments(dockerfile.read_text())
    arguments = (part for name in dict.fromkeys(names) for part in ("--build-arg", f"{name}={base}"))
    how = ("--isolation", "chroot", "--pull-never", "--format", "docker", "--layers", "--force-rm")
    need("buildah", "build", *how, *mounts, *arguments, "--tag", tag, "--file", dockerfile, dockerfile.parent)


def lean_packages(dockerfile: Path) -> list[str]:
    words = shlex.split(dockerfile.read_text(), comments=True)
    return [word for word in words if word.partition("==")[0] in LEAN]
