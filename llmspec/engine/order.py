"""What `steps.json` orders to be built, and whether this machine can build it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

STEPS = "steps.json"
SECONDS = 60
"""How long a tool may take to say its version."""
WAYS = {
    "tensorrt": "run it in the image that the order names, or on a machine with that release of TensorRT, whose "
    "`trtexec` is on PATH",
    "tensorrt_llm": "run it in the image that the order names",
}


Inside = Annotated[str, Meta(pattern=r"^(?!/)(?!(.*/)?\.\.(/|$))[^\x00-\x1f]+\Z")]
"""A path below the working folder."""


class BadOrder(Exception):
    """There is no order, or it cannot be read. The message is a sentence."""


class Step(Struct, frozen=True, kw_only=True, rename="camel"):
    """One command, as `llmspec compile` wrote it."""

    name: str
    purpose: str
    lane: str
    argv: tuple[str, ...]
    inputs: tuple[Inside, ...] = ()
    outputs: tuple[Inside, ...] = ()
    compute_capability: str | None = None


class Order(Struct, frozen=True, kw_only=True):
    """A build: its steps, the exact versions that they need, and the folder of what they use, from the order's own."""

    model: str
    image: str
    tools: str
    requires: dict[str, str]
    capabilities: tuple[str, ...]
    result: str
    steps: tuple[Step, ...]

    def chosen(self, lane: str, capability: str) -> tuple[Step, ...]:
        """The steps of a lane (`all`, `cpu`, `gpu`), for one compute capability or, if empty, for all."""
        return tuple(
            step
            for step in self.steps
            if lane in ("all", step.lane) and (not capability or step.compute_capability in (None, capability))
        )


class Machine(Struct, frozen=True, kw_only=True):
    """What is here: versions of tools by name, and the compute capabilities of the GPUs."""

    versions: dict[str, str]
    capabilities: tuple[str, ...]


def read_order(folder: Path) -> Order:
    """The order in a folder that `llmspec compile` wrote. Raises `BadOrder`."""
    path = folder / STEPS if folder.is_dir() else folder
    try:
        return msgspec.json.decode(path.read_bytes(), type=Order)
    except OSError as error:
        raise BadOrder(f"{path.as_posix()} cannot be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise BadOrder(f"{path.as_posix()} is not what `llmspec compile` wrote: {error}") from None


def look(requires: dict[str, str]) -> Machine:
    """Ask this machine for what an order needs."""
    versions = {name: version for name in requires if (version := _VERSIONS[name]()) is not None}
    said = _say("nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader")
    return Machine(versions=versions, capabilities=tuple(sorted(set(re.findall(r"^\d+\.\d+$", said, re.MULTILINE)))))


def problems(order: Order, steps: tuple[Step, ...], machine: Machine) -> list[str]:
    """Why this machine cannot run the steps, a sentence each with what to do."""
    on_gpu = [step for step in steps if step.lane == "gpu"]
    if not on_gpu:
        return []
    found = [each for name, wanted in order.requires.items() if (each := _version(order, name, wanted, machine))]
    if not machine.capabilities:
        ways = "run this on a GPU machine, or `--lane cpu` for the steps that need none"
        return [*found, f"there is no NVIDIA GPU here (nvidia-smi shows none): {ways}"]
    wanted = {step.compute_capability for step in on_gpu if step.compute_capability}
    for capability in sorted(wanted - set(machine.capabilities)):
        here = ", ".join(machine.capabilities)
        choose = "choose with `--capability`, and run" if len(order.capabilities) > 1 else "run"
        found.append(
            f"the GPU here has compute capability {here}, and what is for {capability} is built on such a GPU: "
            f"{choose} it where those GPUs are"
        )
    return found


def _version(order: Order, name: str, wanted: str, machine: Machine) -> str:
    has = machine.versions.get(name)
    if has is None:
        return f"there is no {name} here: {WAYS.get(name, 'install it')} ({order.image})"
    if has.split(".")[:3] != wanted.split(".")[:3]:
        return (
            f"{name} here is {has}, and the image that serves has {wanted}, which would refuse what is built: "
            f"{WAYS.get(name, 'install it')} ({order.image})"
        )
    return ""


def tensorrt_version(banner: str) -> str | None:
    """The version that `trtexec` says first: `[TensorRT v110201]` is 11.2.1; before 10 it was `v8601` for 8.6.1."""
    match = re.search(r"\[TensorRT v(\d+(?:\.\d+)*)\]", banner)
    if match is None:
        return None
    if "." in match[1]:
        return ".".join(match[1].split(".")[:3])
    number, base = int(match[1]), 100 if len(match[1]) > 4 else 10  # noqa: PLR2004 - digits of 8601
    return f"{number // (base * 100)}.{number // 100 % base}.{number % 100}"


def _say(*argv: str) -> str:
    if shutil.which(argv[0]) is None:
        return ""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _tensorrt() -> str | None:
    return tensorrt_version(_say("trtexec", "--help"))


def _tensorrt_llm() -> str | None:
    said = _say("python3", "-c", "import importlib.metadata as m; print(m.version('tensorrt_llm'))")
    return said.strip() or None


_VERSIONS = {"tensorrt": _tensorrt, "tensorrt_llm": _tensorrt_llm}
