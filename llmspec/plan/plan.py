"""The plan of one service in one environment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from msgspec import Struct

from llmspec.plan.build import Build, Image, Repository
from llmspec.plan.pipeline import Pipeline
from llmspec.plan.workload import Caller, Files, Workload

Manifest = dict[str, Any]
"""A Kubernetes object as plain data; values may be marked with the spec path they were made from."""


class Rollout(Protocol):
    """How a new version replaces the old one: what the kubernetes target asks of a release."""

    def callers(self, namespace: str) -> tuple[Caller, ...]:
        """Who brings the requests, beside the clients; `namespace` is the service's own."""

    def splits_traffic(self) -> bool:
        """Whether it has Services of its own, past which nobody must reach the pods."""

    def strategy(self, workload: Workload) -> Manifest:
        """The `strategy` of the workload's Deployment."""

    def controller(self, workload: Workload) -> tuple[str, str]:
        """ApiVersion and kind of the object that owns the replicas."""

    def objects(self, workload: Workload, meta: Manifest, deployment: Manifest) -> Iterable[Manifest]:
        """Further objects beside the Deployment; `meta` is the metadata they share."""


class Identity(Struct, frozen=True, kw_only=True):
    """What every object of a service carries. `registry` is where images are pushed, without a trailing slash."""

    service: str
    environment: str
    namespace: str
    registry: str
    owner: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    origin: str = "metadata"


class Plan(Struct, frozen=True, kw_only=True):
    """Everything of one environment, every list sorted by name."""

    identity: Identity
    monitoring: str
    """Namespace that metrics are scraped from."""
    release: Rollout
    """How generating models are released."""
    other_release: Rollout
    """How every other network is."""
    workloads: tuple[Workload, ...] = ()
    images: tuple[Image, ...] = ()
    builds: tuple[Build, ...] = ()
    repositories: tuple[Repository, ...] = ()
    files: tuple[Files, ...] = ()
    documents: tuple[tuple[str, str, str, str], ...] = ()
    """Files for people and tools outside the cluster: path, purpose, text, origin."""


class Plans(Struct, frozen=True, kw_only=True):
    """A service: its environments in order of name, and what is there once for all of them."""

    service: str
    environments: tuple[Plan, ...]
    pipeline: Pipeline | None = None
