"""A piece of the plan, and what all pieces are told."""

from __future__ import annotations

from msgspec import Struct

from llmspec.families import Release
from llmspec.part import members
from llmspec.passes.resolve import Resolved
from llmspec.plan.build import Build, Image
from llmspec.plan.network import Served
from llmspec.plan.workload import Caller, Files, Workload


class Piece(Struct, frozen=True, kw_only=True):
    """What one model or store adds to the plan."""

    workloads: tuple[Workload, ...]
    images: tuple[Image, ...] = ()
    served: Served | None = None
    builds: tuple[Build, ...] = ()
    files: tuple[Files, ...] = ()
    documents: tuple[tuple[str, str, str, str], ...] = ()


def namespace_of(resolved: Resolved) -> str:
    return resolved.spec.serving.namespace or resolved.spec.metadata.name


def release_of(resolved: Resolved) -> Release:
    rolling: Release = members(Release)["rolling"]()
    return resolved.spec.release or rolling


def callers_of(resolved: Resolved, task: str = "") -> tuple[Caller, ...]:
    """The clients, and what a release puts before a generating model."""
    before = release_of(resolved).callers(namespace_of(resolved)) if task == "generate" else ()
    return before + tuple(
        Caller(
            namespace=client.namespace,
            labels=tuple((str(key), str(value)) for key, value in client.labels.items()),
            ports=("http", "grpc"),
            origin=f"serving.clients.{client.name}",
        )
        for client in resolved.spec.serving.clients
    )
