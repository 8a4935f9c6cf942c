"""The prompts of a release, for the service's application."""

from __future__ import annotations

from llmspec.passes.pieces.piece import Piece
from llmspec.passes.resolve import Resolved
from llmspec.plan.workload import Files


def of_prompts(resolved: Resolved) -> Piece:
    """One set of files, whose name changes with its content."""
    files = Files(
        name="prompts",
        purpose="prompts of the release, for the service's application",
        entries=tuple((f"{each.prompt.name}.prompt.yaml", each.text) for each in resolved.prompts),
        origins=tuple(f"prompts.{each.prompt.name}" for each in resolved.prompts),
    )
    return Piece(workloads=(), files=(files,) if resolved.prompts else ())
