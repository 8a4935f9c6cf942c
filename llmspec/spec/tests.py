"""`tests`: the data that the service is measured with."""

from __future__ import annotations

from typing import Annotated

from llmspec.part import Section
from llmspec.scalars import Name, RelativePath, doc


class Dataset(Section):
    """Rows of JSON, one a line."""

    name: Annotated[Name, doc("Name of the dataset.")]
    file: Annotated[RelativePath, doc("JSON Lines file; the lock pins its digest.")]
    prompt: Annotated[
        Name | None,
        doc("The prompt that the rows are for: every row's `inputs` must have its variables, and no others."),
    ] = None


class Tests(Section):
    """What belongs to the release as evidence."""

    datasets: Annotated[tuple[Dataset, ...], doc("Datasets, each pinned by digest.")] = ()
