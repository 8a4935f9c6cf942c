"""Qdrant, run beside the service."""

from __future__ import annotations

from typing import Annotated

from llmspec.families import Pin, Store
from llmspec.plan.network import Index
from llmspec.plan.workload import Container, Env, Mount, Port, Probe, Resources, Scaling, Volume, Workload
from llmspec.render.json import dump
from llmspec.scalars import Bytes, Cores, Count, Name, Version, doc

DISTANCES = {"cosine": "Cosine", "dot": "Dot", "euclidean": "Euclid"}
"""Our words to Qdrant's. Source: Qdrant 1.18 OpenAPI, schema `Distance`."""


class Qdrant(Store):
    """One Qdrant node with its own volume."""

    kind = "qdrant"
    metrics = tuple(DISTANCES)
    version: Annotated[Version, doc("Release of Qdrant.")] = Version("1.18.2")
    storage: Annotated[Bytes, doc("Size of its volume.")] = Bytes(20 * 2**30)
    storage_class: Annotated[Name | None, doc("StorageClass of its volume. Default: the cluster's.")] = None
    cpu: Annotated[Cores, doc("CPU request.")] = Cores(1000)
    memory: Annotated[Bytes, doc("Memory, as request and limit.")] = Bytes(4 * 2**30)
    m: Annotated[Count, doc("HNSW: links of a node.")] = 16
    ef_construct: Annotated[Count, doc("HNSW: neighbours that are looked at while building.")] = 100

    def images(self) -> tuple[str, ...]:
        return (f"qdrant/qdrant:v{self.version}",)

    def workload(self, index: Index, pin: Pin) -> Workload:
        return Workload(
            name="qdrant",
            component="vector-store",
            kind="store",
            purpose="the vector store",
            containers=(self._container(pin(self.images()[0])),),
            volumes=(
                Volume(
                    name="storage",
                    kind="own",
                    size=self.storage,
                    access="ReadWriteOnce",
                    storage_class=self.storage_class or "",
                    origin="rag.store",
                ),
                Volume(name="scratch", kind="scratch", size=2**30),
            ),
            scaling=Scaling(minimum=1, maximum=1),
            grace=60,
            metrics_port="http",
            origin=index.origin,
        )

    def _container(self, image: str) -> Container:
        return Container(
            name="qdrant",
            image=image,
            env=(
                Env(name="QDRANT__SERVICE__API_KEY", secret="qdrant", key="api-key"),  # noqa: S106 - a Secret's name
                Env(name="QDRANT__STORAGE__SNAPSHOTS_PATH", value="/qdrant/storage/snapshots"),
                Env(name="QDRANT__STORAGE__TEMP_PATH", value="/scratch"),
                Env(name="QDRANT__TELEMETRY_DISABLED", value="true"),
                Env(name="QDRANT_INIT_FILE_PATH", value="/qdrant/storage/.qdrant-initialized"),
            ),
            ports=(Port("http", 6333), Port("grpc", 6334)),
            mounts=(
                Mount(volume="storage", path="/qdrant/storage", read_only=False),
                Mount(volume="scratch", path="/scratch", read_only=False),
            ),
            resources=Resources(cpu=self.cpu, memory=self.memory, scratch=2**30, origin="rag.store"),
            startup=Probe("/readyz", "http", period=5, failures=60),
            ready=Probe("/readyz", "http", period=5, failures=3),
            live=Probe("/livez", "http", period=10, failures=6),
            wait=5,
        )

    def definition(self, index: Index) -> tuple[str, str]:
        hnsw = {"m": self.m, "ef_construct": self.ef_construct}
        vectors = {"size": index.dimensions, "distance": DISTANCES[index.metric], "hnsw_config": hnsw}
        return "collection.json", dump({"vectors": vectors, "on_disk_payload": True})

    def connection(self, index: Index) -> tuple[Env, ...]:
        return (
            Env(name="QDRANT_URL", value=index.address("qdrant", 6333)),
            Env(name="QDRANT_API_KEY", secret="qdrant", key="api-key"),  # noqa: S106 - a Secret's name
        )
