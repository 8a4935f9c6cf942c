"""hadolint has nothing to say about any Dockerfile."""

import pytest
from judged import files, judge


@pytest.mark.parametrize("path", files("Dockerfile"))
def test_dockerfile(path):
    assert judge("hadolint", "--no-color", path) == (0, "")


def test_it_would_notice(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python:latest\nRUN cd /x && pip install y\n")
    status, said = judge("hadolint", "--no-color", tmp_path / "Dockerfile")
    assert status == 1
    assert {"DL3007", "DL3003", "DL3013"} <= set(said.split())
