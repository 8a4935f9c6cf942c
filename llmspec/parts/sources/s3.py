"""Weights from S3 or a store that speaks its protocol, checked against SHA-256 sums."""

from __future__ import annotations

import re

from llmspec.families import Source
from llmspec.plan.workload import Env
from llmspec.report.code import Code
from llmspec.report.place import Path
from llmspec.report.report import Report

NOT_A_PREFIX = Code(
    "LS353", "not-an-s3-prefix", "`{uri}` names no prefix of a bucket",
    why="A checkpoint is several files below one prefix.",
)  # fmt: skip

NO_REVISION = Code(
    "LS355", "revision-of-a-prefix", "a prefix of a bucket has no revision",
    why="The download takes what lies below the prefix; a revision beside it would choose nothing. Which bytes are "
    "meant is what `SHA256SUMS` says.",
)  # fmt: skip


class S3(Source):
    """`s3://bucket/prefix`. Objects can be overwritten, so the metadata folder must hold their `SHA256SUMS`."""

    kind = "s3"
    is_mutable = True
    packages = ("awscli==1.46.3",)
    script = "docker/download-s3.sh"

    @classmethod
    def check(cls, uri: str, revision: str, at: Path, report: Report) -> None:
        if revision:
            report.say(NO_REVISION, (*at, "revision"), help="remove it; put a version into the prefix")
        if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9._/=-]*[A-Za-z0-9._=-]", uri):
            report.say(NOT_A_PREFIX, (*at, "uri"), uri=uri, help="write it like `s3://bucket/models/chat/2026-11-02`")

    @classmethod
    def arguments(cls, uri: str, revision: str) -> tuple[str, ...]:  # noqa: ARG003
        return (uri,)

    @classmethod
    def environment(cls) -> tuple[Env, ...]:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION")
        return tuple(Env(name=name, secret="s3", key=name, optional=True) for name in names)  # noqa: S106 - a Secret's name
