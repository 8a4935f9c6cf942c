"""A store of another distribution, which compares by inner product alone."""

from llmspec.parts.stores.pgvector import PgVector


class Acme(PgVector):
    kind = "acme"
    metrics = ("dot",)
