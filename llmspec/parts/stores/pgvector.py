"""pgvector, in a PostgreSQL that somebody else runs."""

from __future__ import annotations

from typing import Annotated

from llmspec.families import Pin, Store
from llmspec.plan.network import Index
from llmspec.plan.workload import Env, Workload
from llmspec.render.template import render
from llmspec.scalars import Count, Name, SecretKey, doc

OPERATORS = {"cosine": "vector_cosine_ops", "dot": "vector_ip_ops", "euclidean": "vector_l2_ops"}
"""Our words to operator classes. Source: pgvector 0.8 README, section HNSW."""


class PgVector(Store):
    """A table with an HNSW index, in a database named by a Secret that holds its URL."""

    kind = "pgvector"
    metrics = tuple(OPERATORS)
    secret: Annotated[Name, doc("Secret that holds the database's URL.")]
    key: Annotated[SecretKey, doc("Key of that Secret.")] = SecretKey("url")
    m: Annotated[Count, doc("HNSW: links of a node.")] = 16
    ef_construction: Annotated[Count, doc("HNSW: neighbours that are looked at while building.")] = 64

    def images(self) -> tuple[str, ...]:
        return ()

    def workload(self, index: Index, pin: Pin) -> Workload | None:  # noqa: ARG002 - run by somebody else
        return None

    def definition(self, index: Index) -> tuple[str, str]:
        text = render(
            "stores/pgvector.sql",
            table=index.physical,
            index=f"{index.physical}_hnsw",
            dimensions=index.dimensions,
            operators=OPERATORS[index.metric],
            m=self.m,
            ef_construction=self.ef_construction,
        )
        return "schema.sql", text

    def connection(self, index: Index) -> tuple[Env, ...]:  # noqa: ARG002
        return (Env(name="DATABASE_URL", secret=self.secret, key=self.key),)
