"""`llmspec explain`."""

from __future__ import annotations

import click

from llmspec.cli.manual import load_codes, page
from llmspec.report.nearest import did_you_mean


@click.command("explain")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Print the manual page of CODE, such as LS202; without one, list them all."""
    codes = load_codes()
    if code is None:
        for each in codes.values():
            click.echo(f"{each.id}  {each.name}")
        return
    wanted = code.upper()
    if wanted not in codes:
        raise click.UsageError(f"there is no code {code}. {did_you_mean(wanted, codes)}")
    click.echo(page(codes[wanted]), nl=False)
