"""Weights from the Hugging Face Hub, at a commit."""

from __future__ import annotations

import re

from llmspec.families import Source
from llmspec.plan.workload import Env
from llmspec.report.code import Code
from llmspec.report.place import Path
from llmspec.report.report import Report

NOT_A_COMMIT = Code(
    "LS351", "revision-not-a-commit", "`{revision}` is no commit",
    why="A branch or a tag can be moved by its owner at any time; a full commit of 40 hexadecimal digits cannot.",
)  # fmt: skip
NOT_A_REPOSITORY = Code(
    "LS352", "not-a-hub-repository", "`{uri}` names no repository of the Hub",
    why="A repository is an organisation or user and a name.",
)  # fmt: skip


class HuggingFace(Source):
    """`hf://organisation/name`. The Hub's client compares sizes only, so the download verifies checksums as well."""

    kind = "hf"
    is_mutable = False
    packages = ("huggingface_hub==2.4.0",)
    script = "docker/download-hf.sh"

    @classmethod
    def check(cls, uri: str, revision: str, at: Path, report: Report) -> None:
        if not re.fullmatch(r"hf://[A-Za-z0-9][\w.-]*/[\w.-]+", uri):
            report.say(NOT_A_REPOSITORY, (*at, "uri"), uri=uri, help="write it like `hf://Qwen/Qwen3-0.6B`")
        if not re.fullmatch(r"[0-9a-f]{40}", revision):
            hint = "write the full commit, from the repository's history"
            report.say(NOT_A_COMMIT, (*at, "revision"), revision=revision or "nothing", help=hint)

    @classmethod
    def arguments(cls, uri: str, revision: str) -> tuple[str, ...]:
        return (uri.removeprefix("hf://"), revision)

    @classmethod
    def environment(cls) -> tuple[Env, ...]:
        return (Env(name="HF_TOKEN", secret="huggingface", key="token", optional=True),)  # noqa: S106 - a Secret's name
