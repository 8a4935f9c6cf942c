"""The command group. A command's module is imported when it is called, so that starting costs little."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from llmspec import __version__

COMMANDS = {
    "check": "say what is wrong, and write nothing",
    "compile": "write every file that the service needs",
    "engine": "look at what engines are built from, and build them",
    "explain": "print the manual page of a code",
    "lock": "pin everything that llm.yaml points at",
    "schema": "print the JSON Schema of llm.yaml, for editors",
    "why": "tell which line of llm.yaml made a line of a generated file",
}


class Lazy(click.Group):
    """Loads `llmspec.cli.<name>` for the command `<name>`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"llmspec.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def run() -> None:
    """The command line of this process. A fault of ours is a sentence and an exit status, not a traceback."""
    try:
        main()
    except Exception as error:
        if os.environ.get("LLMSPEC_DEBUG"):
            raise
        where = _where(error)
        click.echo(f"llmspec: a fault of llmspec itself: {type(error).__name__}: {error} ({where})", err=True)
        click.echo("Please report it, with what LLMSPEC_DEBUG=1 shows.", err=True)
        sys.exit(2)


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "nowhere"


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="llmspec", message="%(prog)s %(version)s")
def main() -> None:
    """One llm.yaml, checked and compiled into everything an LLM service needs.

    Exit status: 0 fine; 1 findings, or something would change; 2 wrong use, or a fault of llmspec.
    """
