"""`prompts`: what is said to a model, by version."""

from __future__ import annotations

from typing import Annotated

from llmspec.part import Section
from llmspec.scalars import Name, RelativePath, Version, doc


class Prompt(Section):
    """A prompt file at a version."""

    name: Annotated[Name, doc("Name of the prompt.")]
    file: Annotated[RelativePath, doc("Prompt file in the layout of GitHub Models, with `version` and `inputs`.")]
    version: Annotated[Version, doc("Semantic version that this service uses; the file must declare the same.")]
    model: Annotated[Name, doc("The model, of `task: generate`, that it is written for.")]
