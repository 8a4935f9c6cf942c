"""What is built before anything runs: images and engine steps."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct


class ContextFile(Struct, frozen=True, kw_only=True):
    """A file of an image's build context: `template` filled with `values`. Scripts (`*.sh`) are executable."""

    path: str
    template: str
    values: Any = None


class Image(Struct, frozen=True, kw_only=True):
    """A container image of ours.

    `base` is an upstream reference with its digest. `template` names the Dockerfile's template; `packages` are exact
    `name==version` requirements of Python's package index; `files` are copied into the image.
    """

    name: str
    base: str
    template: str
    title: str
    packages: tuple[str, ...] = ()
    files: tuple[ContextFile, ...] = ()
    command: tuple[str, ...] = ()
    port: int = 0
    health: str = ""
    user: int = 10001
    origin: str = ""


class Step(Struct, frozen=True, kw_only=True):
    """One command of a build. `lane` is `cpu` or `gpu`; paths are relative to the build's working folder.

    `compute_capability` (such as `9.0`) binds a GPU step to one kind of GPU, empty for any. A step whose `outputs`
    are there and newer than its `inputs` need not run again.
    """

    name: str
    purpose: str
    lane: str
    argv: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    compute_capability: str = ""


class Build(Struct, frozen=True, kw_only=True):
    """The steps that turn a model's source into what its engine loads, and the image that has the tools for them."""

    model: str
    image: Image
    steps: tuple[Step, ...]
    result: str
    """The folder of the finished engine, relative to the weights volume; its name holds the digest of its inputs."""
    origin: str = ""


Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:/-]{1,100}\Z")]


class Tensor(Struct, frozen=True):
    """An input or output of a network. A dimension is a number, or a name where it is dynamic."""

    name: Identifier
    dtype: Identifier
    shape: tuple[Annotated[int, Meta(ge=-1, le=2**31)] | Identifier, ...]


class Repository(Struct, frozen=True, kw_only=True):
    """A model of a Triton model repository. Shapes are without the batch dimension; -1 is dynamic.

    `plans` maps a compute capability to the file of its engine. `preferred_batch_sizes` in items, `max_queue_delay`
    in microseconds.
    """

    model: str
    max_batch_size: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    plans: tuple[tuple[str, str], ...]
    preferred_batch_sizes: tuple[int, ...]
    max_queue_delay: int
    instances: int
    profiles: int = 1
    origin: str = ""
