"""The index has the dimension of its embedder, and its store knows the metric."""

from __future__ import annotations

from llmspec.passes.resolve import Resolved
from llmspec.plan.network import Facts
from llmspec.report.code import Code
from llmspec.report.report import Report

WRONG_DIMENSIONS = Code(
    "LS336", "wrong-dimensions", "`dimensions` is {asked}, and the model `{model}` gives {given}",
    why="An index of another dimension than its embedder's refuses every vector, at the first request.",
)  # fmt: skip
UNKNOWN_METRIC = Code(
    "LS337", "metric-not-in-store", "`kind: {store}` cannot compare by `{metric}`",
    why="Each store implements a few distance metrics.",
)  # fmt: skip


def check(resolved: Resolved, report: Report) -> None:
    rag = resolved.spec.rag
    if rag is None:
        return
    if rag.embedding.metric not in rag.store.metrics:
        hint = "write " + " or ".join(f"`metric: {metric}`" for metric in sorted(rag.store.metrics))
        at = ("rag", "embedding", "metric")
        report.say(UNKNOWN_METRIC, at, store=rag.store.kind, metric=rag.embedding.metric, help=hint)
    model = next((each for each in resolved.models if each.model.name == rag.embedding.model), None)
    given = _dimension(model.facts) if model else None
    given = given or rag.embedding.dimensions
    if given != rag.embedding.dimensions:
        report.say(
            WRONG_DIMENSIONS,
            ("rag", "embedding", "dimensions"),
            asked=rag.embedding.dimensions,
            model=rag.embedding.model,
            given=given,
            also=[(("models", rag.embedding.model, "metadata"), "its graph")],
            help=f"write `dimensions: {given}`",
        )


def _dimension(facts: Facts) -> int | str | None:
    """Length of the vector that the graph gives for each text, or of a decoder's last state."""
    vectors = [each for each in facts.outputs if len(each.shape) == 2]  # noqa: PLR2004 - batch and vector
    return vectors[0].shape[1] if vectors else facts.hidden_size or None
