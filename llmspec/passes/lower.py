"""Resolved to Plan: what has to exist, decided; how it is written is left to the targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from llmspec.families import Release
from llmspec.part import members
from llmspec.passes.pieces.model import of_model
from llmspec.passes.pieces.piece import namespace_of, release_of
from llmspec.passes.pieces.prompts import of_prompts
from llmspec.passes.pieces.store import of_store
from llmspec.passes.resolve import Resolved
from llmspec.plan.build import Image
from llmspec.plan.plan import Identity, Plan
from llmspec.report.code import Code
from llmspec.report.report import Report

NOTHING_TO_SCALE_BY = Code(
    "LS401", "scaling-without-metric", "the engine of `{workload}` has no metric of requests that wait",
    why="Replicas follow the requests that wait for each. The pinned release does not count them, so that an "
    "autoscaler would have nothing to go by.",
)  # fmt: skip


def lower(resolved: Resolved, report: Report) -> Plan:
    """The plan of one environment. What a part finds wrong with it is in the report."""
    pieces = [of_prompts(resolved), *(of_model(resolved, each) for each in resolved.models)]
    if resolved.spec.rag:
        pieces.append(of_store(resolved, resolved.spec.rag))
    release = release_of(resolved)
    served = [piece.served for piece in pieces if piece.served]
    plan = Plan(
        identity=_identity(resolved),
        monitoring=resolved.spec.serving.monitoring_namespace,
        release=release,
        other_release=members(Release)["rolling"](),
        workloads=_sorted(workload for piece in pieces for workload in piece.workloads),
        images=_sorted(_different(image for piece in pieces for image in piece.images)),
        builds=tuple(build for piece in pieces for build in piece.builds),
        repositories=tuple(repository for each in served for repository in each.repository),
        files=_sorted(each for piece in pieces for each in piece.files),
        documents=tuple(sorted(document for piece in pieces for document in piece.documents)),
    )
    for workload in plan.workloads:
        if workload.component == "generate":
            release.check(workload, ("release",), report)
        if workload.scaling.maximum > workload.scaling.minimum and not workload.scaling.metric:
            at = (*workload.scaling.origin.split("."), "maxReplicas")
            report.say(NOTHING_TO_SCALE_BY, at, workload=workload.name, help="remove it, or pin a later release")
    return plan


def _sorted(items: Iterator[Any]) -> tuple[Any, ...]:
    return tuple(sorted(items, key=lambda each: str(each.name)))


def _different(images: Iterator[Image]) -> Iterator[Image]:
    """Each image once, whoever asks for it; two that share a name only are both kept, and refused when they are
    written."""
    seen: set[bytes] = set()
    for image in images:
        content = msgspec.json.encode(replace(image, origin=""))
        if content not in seen:
            seen.add(content)
            yield image


def _identity(resolved: Resolved) -> Identity:
    spec = resolved.spec
    return Identity(
        service=spec.metadata.name,
        environment=resolved.environment,
        namespace=namespace_of(resolved),
        registry=spec.serving.registry,
        owner=spec.metadata.owner or "",
        labels=tuple((str(key), str(value)) for key, value in spec.metadata.labels.items()),
    )
