"""`overrides`: the way out where the language has no word."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from llmspec.part import Section
from llmspec.scalars import Line, doc


class Target(Section):
    """Which generated objects are patched: Kubernetes objects by kind and name, other data files by path."""

    kind: Annotated[Line | None, doc("Kind of a Kubernetes object.")] = None
    name: Annotated[Line, doc("Name of the object, `*` for any part of it.")] = "*"
    file: Annotated[
        Line | None, doc("Path of a generated data file below the environment's folder, `*` for any part.")
    ] = None


class Operation(Section):
    """One operation of a JSON patch, RFC 6902."""

    op: Annotated[Literal["add", "remove", "replace", "move", "copy", "test"], doc("What to do.")]
    path: Annotated[Line, doc("JSON pointer, RFC 6901.")]
    value: Annotated[Any, doc("New value, for `add`, `replace` and `test`.")] = None
    from_: Annotated[Line | None, doc("JSON pointer of the source, for `move` and `copy`.")] = None


class Override(Section):
    """A JSON patch on generated objects, with its reason. One that changes nothing is an error."""

    target: Annotated[Target, doc("What is patched.")]
    patch: Annotated[tuple[Operation, ...], doc("The operations, in order.")]
    reason: Annotated[Line, doc("Why the generated object is not what is needed.")]
