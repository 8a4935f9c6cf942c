"""What is built before anything runs: images and engine steps."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class ContextFile(Struct, frozen=True, kw_only=True):
    """A file of an image's build context: `template` filled with `values`, or `text` as it is. Scripts (`*.sh`) are
    executable.
    """

    path: str
    template: str = ""
    values: Struct | None = None
    text: str = ""


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
    """One command of a build. `lane` is `cpu` or `gpu`; paths are relative to the build's working folder, in which
    `source` is the folder of the weights, `tools` what the image brings, and `out` what becomes the result.

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


class Script(Struct, frozen=True, kw_only=True):
    """What build.sh is filled with: `folders` are those that steps write to."""

    model: str
    steps: tuple[Step, ...]
    capabilities: tuple[str, ...]
    folders: tuple[str, ...]


def build_script(model: str, steps: tuple[Step, ...], capabilities: tuple[str, ...] = ()) -> ContextFile:
    """The script that runs the steps; `capabilities` are those that it can be told to build for."""
    folders = sorted({path.rpartition("/")[0] for step in steps for path in step.outputs} - {""})
    values = Script(model=model, steps=steps, capabilities=capabilities, folders=tuple(folders))
    return ContextFile(path="build.sh", template="engine/build.sh", values=values)


class Build(Struct, frozen=True, kw_only=True):
    """The steps that turn a model's source into what its engine loads, and the image that has the tools for them.

    `requires` are the exact versions of what the steps use, by name. `capabilities` are those that something is built
    for, each by a job of its own; empty where one job builds for all. The job asks for `gpus` and `memory` bytes.
    """

    model: str
    image: Image
    steps: tuple[Step, ...]
    result: str
    """The folder of the finished engine, relative to the weights volume; its name holds the digest of its inputs."""
    requires: tuple[tuple[str, str], ...] = ()
    capabilities: tuple[str, ...] = ()
    gpus: int = 1
    memory: int = 16 * 2**30
    scratch: int = 20 * 2**30
    origin: str = ""

    @property
    def marks(self) -> tuple[str, ...]:
        """Files that say that the result is there, one for each job."""
        return tuple(f"{self.result}/.complete{suffix}" for suffix in self.suffixes)

    @property
    def suffixes(self) -> tuple[str, ...]:
        return tuple(f"-{each}" for each in self.capabilities) or ("",)


Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:/-]{1,100}\Z")]


class Tensor(Struct, frozen=True):
    """An input or output of a network. A dimension is a number, or a name where it is dynamic."""

    name: Identifier
    dtype: Identifier
    shape: tuple[Annotated[int, Meta(ge=-1, le=2**31)] | Identifier, ...]


class Repository(Struct, frozen=True, kw_only=True):
    """A Triton model repository: its files but the plans, as path → template and values."""

    model: str
    files: tuple[ContextFile, ...]
    origin: str = ""


class PlanModel(Struct, frozen=True, kw_only=True):
    """A model of a repository that runs TensorRT plans. Shapes are without the batch dimension; -1 is dynamic.

    `plans` maps a compute capability to the file of its engine. `preferred_batch_sizes` in items, `max_queue_delay`
    in microseconds. `warmups` are batch sizes, each with the shape of every input.
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
    warmups: tuple[tuple[int, tuple[Tensor, ...]], ...] = ()


class TextModels(Struct, frozen=True, kw_only=True):
    """The models that put a tokenizer before another: `texts` go into the ensemble `model`, `tokens` from the tokenizer
    to `engine`, `outputs` out. `tokenizer` is the path of tokenizer.json, `lengths` the lengths that it pads to.
    """

    model: str
    tokenizer_model: str
    engine: str
    max_batch_size: int
    texts: tuple[str, ...]
    tokens: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    tokenizer: str
    lengths: str
    instances: int
