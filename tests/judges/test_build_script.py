"""build.sh says what steps.json says, and really runs, with stand-ins for the tools that need a GPU."""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from judged import distinct, run

SCRIPTS = distinct("docker/*/build.sh")
TOOL = """#!/bin/sh
# Records its arguments, and makes the files that the real tool would make.
printf '%s\\n' "$(basename "$0") $*" >> "$LOG"
[ -z "${SLOW-}" ] || sleep 30
[ -z "${FAIL-}" ] || exit 3
for each; do
  case $each in
    --saveEngine=*) echo plan > "${each#*=}" ;;
    --onnx=*) [ -e "${each#*=}" ] || exit 4 ;;
    *.onnx) last=$each ;;
  esac
done
case $* in
  *modelopt*) echo graph > "$last" ;;
  *quantize_checkpoint.py*) echo {} > out/config.json && echo {} > out/hf_quant_config.json ;;
esac
"""


def order(script):
    """What `steps.json` says of the same build."""
    for path in script.parents[2].glob("engine/*/steps.json"):
        data = json.loads(path.read_text("utf-8"))
        if (path.parent / data["tools"]).resolve() == script.parent.resolve():
            return data
    raise AssertionError(f"no steps.json goes with {script}")


def capabilities(script):
    return order(script)["capabilities"] or [""]


def steps(script, lane="all", capability=""):
    return [
        " ".join(step["argv"])
        for step in order(script)["steps"]
        if lane in ("all", step["lane"]) and (not capability or step["computeCapability"] in (None, capability))
    ]


def asked(capability):
    return ("--capability", capability) if capability else ()


@pytest.fixture(params=SCRIPTS)
def script(request):
    return request.param


@pytest.fixture
def place(tmp_path, script):
    """A folder with what the image has, and the stand-ins."""
    shutil.copytree(script.parent, tmp_path / "opt")
    for name in ("trtexec", "python3"):
        (tmp_path / name).write_text(TOOL)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "model.onnx").write_text("graph")
    return tmp_path


def environment(place, **more):
    return {"PATH": f"{place}:{os.environ['PATH']}", "LOG": str(place / "log"), **more}


def build(place, *arguments, folder=None, **more):
    argv = ("sh", place / "opt" / "build.sh", *arguments)
    return run(*argv, cwd=folder or place, env=environment(place, **more))


def log(place):
    return (place / "log").read_text().splitlines() if (place / "log").exists() else []


def test_dry_run_says_the_steps_and_does_nothing(script, tmp_path):
    for lane in ("all", "cpu", "gpu"):
        for capability in {*capabilities(script), ""}:
            options = (() if lane == "all" else ("--lane", lane)) + asked(capability)
            status, said = run("sh", script, "--dry-run", *options, "/weights", tmp_path / "out")
            assert status == 0
            lines = [line.removeprefix("+ ") for line in said.splitlines() if line.startswith("+ ")]
            assert lines == steps(script, lane, capability)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
def test_every_job_together_makes_a_complete_result(script, place, relative):
    """One job for each compute capability, into one folder, as if each ran on its own GPU."""
    out, wanted = place / "out", []
    for capability in capabilities(script):
        paths = ("weights", "out") if relative else (place / "weights", out)
        status, said = build(place, *asked(capability), *paths)
        wanted += steps(script, capability=capability)
        assert (status, log(place)) == (0, wanted), said
        assert (out / f".complete{capability and '-'}{capability}").exists()
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    folder = script.parent / "repository"
    copied = {path.relative_to(script.parent).as_posix() for path in folder.rglob("*") if path.is_file()}
    made = {path.removeprefix("out/") for step in order(script)["steps"] for path in step["outputs"] if "out/" in path}
    assert {path for path in found if not path.startswith(".complete")} == copied | made
    assert not list(place.glob("out.work*"))


def test_a_second_run_does_nothing(script, place):
    capability = capabilities(script)[0]
    build(place, *asked(capability), place / "weights", place / "out")
    again = build(place, *asked(capability), place / "weights", place / "out")
    assert again == (0, f"{place}/out is complete\n")
    assert log(place) == steps(script, capability=capability)


def test_one_lane_after_the_other(script, place):
    capability = capabilities(script)[0]
    paths = (*asked(capability), place / "weights", place / "out")
    assert build(place, "--lane", "cpu", *paths)[0] == 0
    assert log(place) == steps(script, "cpu", capability)
    assert not (place / "out").exists()
    assert build(place, "--lane", "gpu", *paths)[0] == 0
    assert log(place) == steps(script, capability=capability)
    assert list((place / "out").glob(".complete*"))


def test_a_failed_step_leaves_nothing_that_looks_complete(place):
    assert build(place, place / "weights", place / "out", FAIL="yes")[0] == 3
    assert not (place / "out").exists()
    assert build(place, place / "weights", place / "out")[0] == 0, "the next try starts from what is left"


def test_the_gpu_lane_alone_fails_where_it_needs_the_other(script, place):
    is_whole = build(place, "--lane", "gpu", place / "weights", place / "out")[0] == 0
    assert is_whole == (not steps(script, "cpu"))
    assert (place / "out").exists() == is_whole


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_half_way(place, number):
    argv = ("sh", place / "opt" / "build.sh", place / "weights", place / "out")
    process = subprocess.Popen(
        argv, env=environment(place, SLOW="yes"), start_new_session=True, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 10
    while not log(place) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, number)
    assert process.wait(10) != 0
    assert not (place / "out").exists()
    assert build(place, place / "weights", place / "out")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("a",), ("a", "b", "c"), ("--lane", "GPU", "a", "b"), ("--lane",), ("--unknown", "a", "b"),
        ("--capability", "1.0", "a", "b"), ("--capability",),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_use(place, arguments):
    """A misspelt lane most of all: no step would match it, and an empty repository would be called complete."""
    assert build(place, *arguments)[0] == 2
    assert not (place / "b").exists()
