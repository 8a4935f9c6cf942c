"""Every row of the catalogue names its source and fits the others."""

import re

import pytest

from llmspec.catalog.tables import actions, gpus, images, natural, tensorrt, vllm

ROWS = [
    (f"{table.__name__}:{name}", row)
    for table in (actions, gpus, images, tensorrt, vllm)
    for name, row in table().items()
]


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[name for name, _ in ROWS])
def test_every_row_names_its_source(name, row):
    assert len(row.source) > 20, name


def test_digests_and_commits_are_whole():
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", row.digest) for row in images().values())
    assert all(re.fullmatch(r"[0-9a-f]{40}", row.commit) for row in actions().values())


def test_every_engine_image_has_a_digest():
    wanted = {row.image for row in vllm().values()} | {
        image for row in tensorrt().values() for image in (row.build_image, row.serve_image)
    }
    assert wanted <= set(images())


def test_builder_and_server_are_of_one_month():
    for row in tensorrt().values():
        assert row.build_image.rpartition(":")[2] == row.serve_image.rpartition(":")[2]


def test_what_was_removed_is_not_there():
    """Options that vLLM dropped and that broke deployments elsewhere."""
    for row in vllm().values():
        assert not {"task", "swap-space", "disable-log-requests", "num-scheduler-steps", "device"} & row.flags
        assert not {"vllm:gpu_cache_usage_perc", "vllm:time_per_output_token_seconds"} & set(row.metrics.values())


def test_an_option_that_is_gone_names_one_that_is_there():
    for row in vllm().values():
        assert not set(row.gone) & row.flags
        for words in row.gone.values():
            named = {name.partition(":")[0] for name in re.findall(r"`([a-z][a-z-]+)(?::[^`]*)?`", words)}
            assert named <= row.flags, words


def test_versions_sort_as_numbers():
    assert sorted(["0.10.0", "0.9.1", "0.24.0"], key=natural) == ["0.9.1", "0.10.0", "0.24.0"]
