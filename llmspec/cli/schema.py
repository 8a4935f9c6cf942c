"""`llmspec schema`."""

from __future__ import annotations

import click

from llmspec.compiler import parts
from llmspec.render.json import dump
from llmspec.spec.schema import json_schema


@click.command("schema")
def command() -> None:
    """Print the JSON Schema (draft-07) of llm.yaml, for editors."""
    parts()
    click.echo(dump(json_schema()), nl=False)
