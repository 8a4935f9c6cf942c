"""The command group. A command's module is imported when it is called, so that starting costs little."""

from __future__ import annotations

from importlib import import_module

import click

from llmspec import __version__

COMMANDS = {
    "check": "say what is wrong, and write nothing",
    "compile": "write every file that the service needs",
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


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="llmspec", message="%(prog)s %(version)s")
def main() -> None:
    """One llm.yaml, checked and compiled into everything an LLM service needs.

    Exit status: 0 fine; 1 findings, or something would change; 2 wrong use, or a fault of llmspec.
    """
