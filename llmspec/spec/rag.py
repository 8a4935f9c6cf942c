"""`rag`: what is retrieved before the model answers."""

from __future__ import annotations

from typing import Annotated, Literal

from llmspec.families import Store
from llmspec.part import Section
from llmspec.scalars import Count, Name, RelativePath, Whole, doc


class Corpus(Section):
    """The documents that are searched."""

    path: Annotated[RelativePath, doc("Folder of the documents; the lock pins its digest.")]


class Chunking(Section):
    """How documents are cut into passages."""

    strategy: Annotated[Literal["sentence", "fixed"], doc("Cut at sentence ends, or at exactly `size` tokens.")] = (
        "sentence"
    )
    size: Annotated[Count, doc("Tokens of one passage, at most.")] = 256
    overlap: Annotated[Whole, doc("Tokens that neighbouring passages share.")] = 32


class Embedding(Section):
    """How passages and questions become vectors."""

    model: Annotated[Name, doc("The model, of `task: embed`, that makes the vectors.")]
    dimensions: Annotated[Count, doc("Length of a vector; must be what the network gives.")]
    metric: Annotated[Literal["cosine", "dot", "euclidean"], doc("How vectors are compared.")] = "cosine"


class Retrieval(Section):
    """What is handed to the prompt."""

    top_k: Annotated[Count, doc("Passages for one question.")] = 6
    variable: Annotated[str, doc("The prompt variable that receives the passages.")] = "context"


class Rag(Section, kw_only=True):
    """Retrieval-augmented generation."""

    corpus: Annotated[Corpus, doc("The documents.")]
    chunking: Annotated[Chunking, doc("Their passages.")] = Chunking()
    embedding: Annotated[Embedding, doc("Their vectors.")]
    store: Annotated[Store, doc("Where the vectors are searched.")]
    retrieval: Annotated[Retrieval, doc("What comes back.")] = Retrieval()
