"""`serving`: where the service runs."""

from __future__ import annotations

from typing import Annotated

from llmspec.families import Cache
from llmspec.part import Section
from llmspec.scalars import Host, LabelKey, LabelValue, Name, doc
from llmspec.spec.models import Hardware


class Client(Section):
    """Pods that may call the service."""

    name: Annotated[Name, doc("Name of the caller, for this file.")]
    namespace: Annotated[Name, doc("Namespace of its pods.")]
    labels: Annotated[dict[LabelKey, LabelValue], doc("Labels of its pods. Default: every pod of the namespace.")] = {}


class Serving(Section):
    """The cluster as the service sees it."""

    registry: Annotated[Host, doc("Registry, and path in it, that the service's images are pushed to.")]
    namespace: Annotated[Name | None, doc("Namespace of all objects. Default: the service's name.")] = None
    hardware: Annotated[Hardware | None, doc("GPU of every model that names none.")] = None
    cache: Annotated[Cache | None, doc("Where weights lie. Default: on each node's disk, `kind: ephemeral`.")] = None
    clients: Annotated[tuple[Client, ...], doc("Who may call the models. Nobody else can.")] = ()
    monitoring_namespace: Annotated[Name, doc("Namespace from which metrics are scraped.")] = Name("monitoring")
