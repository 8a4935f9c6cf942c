"""Compiling without a command line or a disk to write on, for tests."""

from pathlib import Path

from llmspec.artifacts.folder import Folder
from llmspec.artifacts.manifest import manifest
from llmspec.compiler import compile as compile_spec
from llmspec.report.place import Source
from llmspec.report.report import Report

ROOT = Path(__file__).parents[1]
SPECS = sorted(path.parent for path in (ROOT / "specs").glob("*/llm.yaml"))
FULL = ROOT / "specs" / "support-assistant"


def compiled(folder, text=None):
    """Path → bytes of all that the spec in `folder` gives, its manifest included; `text` stands in for llm.yaml."""
    text = (folder / "llm.yaml").read_text("utf-8") if text is None else text
    source = Source("llm.yaml", text)
    tree = compile_spec(source, Folder(folder), Report(source), f"specs/{folder.name}").tree
    return {file.path: file.content for file in (*tree.files, manifest(tree))}


def changed(before, after):
    """Paths that differ between two results."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
