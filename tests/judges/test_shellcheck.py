"""shellcheck has nothing to say about any script, nor shell itself about its syntax."""

import pytest
from judged import files, judge, run


@pytest.mark.parametrize("path", files("*.sh"))
def test_script(path):
    assert judge("shellcheck", "--enable=all", "--exclude=SC2250,SC2292,SC2310,SC2312", path) == (0, "")
    assert run("sh", "-n", path) == (0, "")
    assert path.stat().st_mode & 0o111, "a script is executable"


def test_it_would_notice(tmp_path):
    (tmp_path / "x.sh").write_text("#!/bin/sh\nrm -rf $1/*\n")
    assert judge("shellcheck", tmp_path / "x.sh")[0] == 1
