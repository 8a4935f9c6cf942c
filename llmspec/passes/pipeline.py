"""The pipeline of a service, from all of its environments together."""

from __future__ import annotations

from contextlib import suppress

from llmspec.families import Product
from llmspec.passes.resolve import Resolved
from llmspec.plan.pipeline import Pipeline
from llmspec.plan.plan import Plan
from llmspec.render.context import reference
from llmspec.render.template import BreaksOut


def pipeline(resolved: tuple[Resolved, ...], plans: tuple[Plan, ...], spec: str, output: str) -> Pipeline | None:
    """None where no environment names a `ci`. `spec` and `output` are folders relative to the repository's root."""
    one = next((each for each in resolved if each.spec.ci), None)
    if one is None or one.spec.ci is None:
        return None
    product = Product(
        service=one.spec.metadata.name,
        spec=spec,
        output=output,
        registry=one.spec.serving.registry,
        images=_images(plans),
    )
    return one.spec.ci.pipeline(product, one.pin)


def _images(plans: tuple[Plan, ...]) -> tuple[tuple[str, str], ...]:
    """Contexts by what they make: the same content in two environments is built once. One that cannot be written is
    left out here; the target that writes it says why.
    """
    rows: dict[str, str] = {}
    for plan in plans:
        for image in plan.images:
            with suppress(BreaksOut):
                rows.setdefault(reference(image, plan.identity), f"{plan.identity.environment}/docker/{image.name}")
    return tuple(sorted((context, tag) for tag, context in rows.items()))
