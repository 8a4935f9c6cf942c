"""The whole of llm.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from llmspec.families import CI, Release
from llmspec.part import Section
from llmspec.scalars import LabelValue, Name, Owner, OwnLabelKey, doc
from llmspec.spec.models import Model
from llmspec.spec.overrides import Override
from llmspec.spec.prompts import Prompt
from llmspec.spec.rag import Rag
from llmspec.spec.serving import Serving
from llmspec.spec.tests import Tests


class Metadata(Section):
    """What the service is called."""

    name: Annotated[Name, doc("Name of the service, prefix of every object.")]
    owner: Annotated[Owner | None, doc("Team or address that answers for the service.")] = None
    labels: Annotated[dict[OwnLabelKey, LabelValue], doc("Labels of every object.")] = {}


class LLMService(Section, kw_only=True):
    """An LLM service: models, prompts, retrieval, tests, rollout, in as many environments as it has."""

    api_version: Annotated[Literal["llmspec.dev/v1alpha1"], doc("Version of this language.")]
    kind: Annotated[Literal["LLMService"], doc("Always `LLMService`.")]
    metadata: Annotated[Metadata, doc("Name, owner, labels.")]
    models: Annotated[tuple[Model, ...], Meta(min_length=1), doc("Every network that the service runs.")]
    prompts: Annotated[tuple[Prompt, ...], doc("What is said to the models.")] = ()
    rag: Annotated[Rag | None, doc("What is retrieved before a model answers.")] = None
    serving: Annotated[Serving, doc("Where the service runs.")]
    tests: Annotated[Tests, doc("What the service is measured with.")] = Tests()
    release: Annotated[Release | None, doc("How a new version replaces the old. Default: `kind: rolling`.")] = None
    ci: Annotated[CI | None, doc("The pipeline that checks, builds and tests. Default: none is made.")] = None
    overrides: Annotated[tuple[Override, ...], doc("JSON patches on generated objects.")] = ()
