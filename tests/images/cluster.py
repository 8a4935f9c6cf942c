"""How the cluster starts an image: the containers in its manifests, and their volume."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from calls import Failed

Container = dict[str, Any]
OF_THE_CLUSTER = {"LWS_WORKER_INDEX": "0", "LWS_LEADER_ADDRESS": "leader.example"}
"""What operators put into the environment."""


def containers_of(dockerfile: Path) -> list[Container]:
    """The containers of the cluster that run this image."""
    from llmspec.report.place import Source
    from llmspec.report.report import Report
    from llmspec.syntax.node import plain
    from llmspec.syntax.parse import parse

    tag, found = f"-{dockerfile.parent.name}:", []
    for path in sorted((dockerfile.parents[2] / "kubernetes").rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if tag in text:
            source = Source(path.name, text)
            node = parse(source, Report(source))
            found += [each for each in containers_in(plain(node) if node else None) if tag in each["image"]]
    return found


def containers_in(data: Any) -> Iterator[Container]:
    if isinstance(data, dict) and isinstance(data.get("image"), str):
        yield data
    elif isinstance(data, dict | list):
        for each in data.values() if isinstance(data, dict) else data:
            yield from containers_in(each)


def arguments_of(container: Container) -> list[str]:
    return [re.sub(r"\$\((\w+)\)", lambda name: OF_THE_CLUSTER[name[1]], word) for word in container.get("args", ())]


def environment_of(container: Container) -> tuple[str, ...]:
    said = {each["name"]: each["value"] for each in container.get("env", ()) if "value" in each}
    return tuple(part for name, value in said.items() for part in ("--env", f"{name}={value}"))


def called_as_built(container: Container, config: dict[str, Any]) -> None:
    if container.get("command", config["Entrypoint"]) != config["Entrypoint"]:
        raise Failed(f"the cluster starts {container['command']}, the image {config['Entrypoint']}")


@contextmanager
def models(owner: int = 0) -> Iterator[Path]:
    """An empty volume."""
    with TemporaryDirectory(prefix="models-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        os.chown(folder, owner, owner)
        yield folder
