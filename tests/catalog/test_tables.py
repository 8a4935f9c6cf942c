"""Every row of the catalogue names its source and fits the others."""

import re

import pytest

from llmspec.catalog.releases import known, table
from llmspec.catalog.tables import actions, gpus, images, packages

ROWS = [(f"{read.__name__}:{name}", row) for read in (actions, gpus, images, packages) for name, row in read().items()]


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[name for name, _ in ROWS])
def test_every_row_names_its_source(name, row):
    assert len(row.source) > 20, name


def test_digests_and_commits_are_whole():
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", row.digest) for row in images().values())
    assert all(re.fullmatch(r"[0-9a-f]{40}", row.commit) for row in actions().values())


def test_what_every_service_needs_has_a_digest():
    """Other images are pinned by their registry when a spec is locked."""
    assert {"python:3.13-slim", table("modelopt").newest.images["build"]} <= set(images())


def test_builder_and_server_are_of_one_month():
    for version, release in table("tensorrt").releases.items():
        build, serve = (release.images[use].rpartition(":")[2] for use in ("build", "serve"))
        assert build == serve
        server = known("triton", release.pins["triton"])
        assert server.release.images["serve"] == release.images["serve"]
        assert server.release.pins["tensorrt"] == version


@pytest.mark.parametrize("engine", ["sglang", "vllm"])
def test_words_of_a_server_are_there_in_every_release(engine):
    """For the engines whose tables are read from wheels."""
    for version in table(engine).releases:
        release = known(engine, version)
        options = release.options(next(iter(table(engine).commands)))
        assert release.image("serve").endswith(f":v{version}")
        assert all(release.word(word) for word in ("healthPath", "metricsPath", "requestsRunning", "timeToFirstToken"))
        assert str(options["port"].default) == release.word("port")
        assert release.kv_cache("fp8").name in release.names("kvCacheDtypes")
        if fraction := release.word("defaultMemoryFraction"):
            assert str(options["gpu-memory-utilization"].default) == fraction
