"""What an image has in it, and says of itself."""

import json
import os
import re
from pathlib import Path
from typing import Any

from calls import Failed, mounted, need

REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[(?P<extra>[\w,-]+)\])?==(?P<version>[\w.]+)")
WEIGHTS = {".safetensors", ".gguf", ".onnx", ".plan", ".engine", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".tflite"}
WEIGHTS_BYTES = 16 << 20
SECRET_FILES = {".netrc", ".git-credentials", ".pypirc", ".env", "credentials", "id_rsa", "id_ed25519", "token"}
SECRET_TEXT = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bhf_[A-Za-z0-9]{30,}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}"
    rb"|\bsk-[A-Za-z0-9_-]{32,}|\bnvapi-[A-Za-z0-9_-]{32,}|://[^/\s:@]+:[^/\s:@]+@"
)
SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|API_?KEY|CREDENTIAL", re.IGNORECASE)


def config_of(image: str) -> dict[str, Any]:
    (found,) = json.loads(need("podman", "image", "inspect", image))
    return dict(found["Config"]) | {
        "Healthcheck": found.get("Healthcheck"),
        "History": json.dumps(found.get("History")),
    }


def check_config(config: dict[str, Any]) -> None:
    user = config.get("User", "")
    if not re.fullmatch(r"[1-9]\d*(:\d+)?", user):
        raise Failed(f"USER {user or '(none)'}: must be a number other than 0")
    if not (config.get("Entrypoint") or config.get("Cmd")):
        raise Failed("neither ENTRYPOINT nor CMD")
    for name, _, value in (entry.partition("=") for entry in config.get("Env") or ()):
        if value and SECRET_NAME.search(name):
            raise Failed(f"ENV {name} is set in the image; secrets come at run time")
    if SECRET_TEXT.search(config["History"].encode()):
        raise Failed("the image's history holds what looks like a secret")


def check_files(image: str, base: str) -> None:
    """Judge the files that the image adds to its base or changes there."""
    with mounted(base) as old, mounted(image) as new:
        problems = [problem for path in added(new, old) if (problem := problem_with(path, new))]
        if (new / "etc/pip.conf").exists() and (new / "etc/pip.conf").read_bytes():
            problems.append("/etc/pip.conf is not empty: this machine's settings leaked")
    if problems:
        raise Failed("; ".join(problems[:5]))


def added(new: Path, old: Path) -> list[Path]:
    files = (Path(folder) / name for folder, _, names in os.walk(new) for name in names)
    return [
        path
        for path in files
        if path.is_file() and not path.is_symlink() and changed(path, old / path.relative_to(new))
    ]


def changed(path: Path, before: Path) -> bool:
    if not before.exists():
        return True
    return (path.stat().st_size, path.stat().st_mtime) != (before.stat().st_size, before.stat().st_mtime)


def problem_with(path: Path, root: Path) -> str | None:
    """Packages carry small networks and sample keys for their own tests; only what is large counts there."""
    inside, size = path.relative_to(root), path.stat().st_size
    packaged = bool({"site-packages", "dist-packages"} & set(inside.parts))
    if path.suffix in WEIGHTS and size > (WEIGHTS_BYTES if packaged else 0):
        return f"/{inside} looks like weights ({size} bytes)"
    if not packaged and path.name in SECRET_FILES:
        return f"/{inside} looks like a secret"
    if not packaged and size < (1 << 20) and SECRET_TEXT.search(path.read_bytes()):
        return f"/{inside} holds what looks like a secret"
    return None


def check_packages(image: str, packages: list[str]) -> None:
    """pip only warns of an extra that a package lacks, and without its dependencies does not even that."""
    with mounted(image) as root:
        for package in packages:
            asked = REQUIREMENT.fullmatch(package)
            if not asked:
                raise Failed(f"{package}: no exact version")
            folder = f"{asked['name'].replace('-', '_')}-{asked['version']}.dist-info"
            found = next(root.glob(f"usr/local/lib/python3*/*-packages/{folder}/METADATA"), None)
            if not found:
                raise Failed(f"{package}: pip did not install it")
            if asked["extra"] and f"\nProvides-Extra: {asked['extra']}\n" not in found.read_text():
                raise Failed(f"{package}: has no such extra")
