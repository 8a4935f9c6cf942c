"""The terminal: one file a command. Nobody else prints, and nobody else ends the process."""

from llmspec.cli.group import main, run

__all__ = ["main", "run"]
