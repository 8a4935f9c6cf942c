"""llmspec: one llm.yaml in, everything an LLM service needs to be built, served and rolled out."""

__version__ = "0.1.0"
