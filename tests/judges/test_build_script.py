"""build.sh says what steps.json says, and really runs, with stand-ins for the tools that need a GPU."""

import json
import os
import signal
import subprocess
import time

import pytest
from judged import distinct, run

SCRIPTS = distinct("engine/*/build.sh")
TOOL = """#!/bin/sh
# Records its arguments, and makes the file that the real tool would make.
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
case $* in *modelopt*) echo graph > "$last" ;; esac
"""


def steps(script, lane="all"):
    data = json.loads(script.with_name("steps.json").read_text("utf-8"))
    return [" ".join(step["argv"]) for step in data["steps"] if lane in ("all", step["lane"])]


@pytest.fixture(params=SCRIPTS)
def script(request):
    return request.param


@pytest.fixture
def place(tmp_path, script):
    """A folder with the script beside its configuration, as in the image, and the stand-ins."""
    folder = tmp_path / "opt"
    folder.mkdir()
    config = script.parents[2] / "docker" / f"{script.parent.name}-build" / "config.pbtxt"
    for path in (script, config):
        (folder / path.name).write_bytes(path.read_bytes())
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
        options = () if lane == "all" else ("--lane", lane)
        status, said = run("sh", script, "--dry-run", *options, "/weights", tmp_path / "out")
        assert status == 0
        assert [line.removeprefix("+ ") for line in said.splitlines() if line.startswith("+ ")] == steps(script, lane)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
def test_both_lanes_make_a_complete_repository(script, place, relative):
    out = place / "out"
    status, said = build(place, *(("weights", "out") if relative else (place / "weights", out)))
    assert (status, log(place)) == (0, steps(script)), said
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    model, plan = script.parent.name, json.loads(script.with_name("steps.json").read_text("utf-8"))["steps"][-1]
    assert found == {".complete", f"repository/{model}/config.pbtxt", *plan["outputs"]}
    assert not (place / "out.work").exists()


def test_a_second_run_does_nothing(script, place):
    build(place, place / "weights", place / "out")
    assert build(place, place / "weights", place / "out") == (0, f"{place}/out is complete\n")
    assert log(place) == steps(script)


def test_one_lane_after_the_other(script, place):
    assert build(place, "--lane", "cpu", place / "weights", place / "out")[0] == 0
    assert log(place) == steps(script, "cpu")
    assert not (place / "out").exists()
    assert build(place, "--lane", "gpu", place / "weights", place / "out")[0] == 0
    assert log(place) == steps(script)
    assert (place / "out" / ".complete").exists()


def test_a_failed_step_leaves_nothing_that_looks_complete(place):
    assert build(place, place / "weights", place / "out", FAIL="yes")[0] == 3
    assert not (place / "out").exists()
    assert build(place, place / "weights", place / "out")[0] == 0, "the next try starts from what is left"


def test_the_gpu_lane_alone_fails(place):
    assert build(place, "--lane", "gpu", place / "weights", place / "out")[0] != 0
    assert not (place / "out").exists()


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
    [(), ("a",), ("a", "b", "c"), ("--lane", "GPU", "a", "b"), ("--lane",), ("--unknown", "a", "b")],
    ids=str,
)
def test_wrong_use(place, arguments):
    """A misspelt lane most of all: no step would match it, and an empty repository would be called complete."""
    assert build(place, *arguments)[0] == 2
    assert not (place / "b").exists()
