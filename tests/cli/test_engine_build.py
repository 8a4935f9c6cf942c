"""`llmspec engine build` with stand-ins for what a machine without a GPU lacks: trtexec, nvidia-smi, ModelOpt."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from llmspec.cli import main
from llmspec.engine.order import tensorrt_version

GENERATED = Path(__file__).parents[2] / "generated"
EMBED = GENERATED / "support-assistant" / "production" / "engine" / "embed"
QUANTIZE = GENERATED / "claims-triage" / "production" / "engine" / "chat"
TRTEXEC = """#!/bin/sh
echo "&&&& RUNNING TensorRT.trtexec [TensorRT v{version}] [b1] # trtexec $*"
printf '%s\\n' "trtexec $*" >> "$LOG"
for each; do
  case $each in
    --help) exit ;;
    --saveEngine=*) [ -n "${{FAIL-}}" ] || echo plan > "${{each#*=}}" ;;
  esac
done
"""
PYTHON = """#!/bin/sh
printf '%s\\n' "python3 $*" >> "$LOG"
case $* in
  *autocast*) echo graph > model.fp16.onnx ;;
  *quantize_checkpoint.py*) echo {} > out/config.json && echo {} > out/hf_quant_config.json ;;
esac
"""


def tool(folder, name, text):
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A machine with TensorRT 11.0.0 and a GPU of compute capability 8.9, and a folder of weights."""
    tools = tmp_path / "bin"
    tools.mkdir()
    tool(tools, "trtexec", TRTEXEC.format(version="110000"))
    tool(tools, "python3", PYTHON)
    tool(tools, "nvidia-smi", "#!/bin/sh\necho 8.9\n")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "model.onnx").write_text("graph")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return tmp_path


def build(place, *options, order=EMBED):
    arguments = [str(order), "--source", str(place / "weights"), "--result", str(place / "out"), *options]
    return CliRunner().invoke(main, ["engine", "build", *arguments], catch_exceptions=False)


def ran(place):
    """The commands that ran, without the question for a version."""
    lines = (place / "log").read_text().splitlines() if (place / "log").exists() else []
    return [line for line in lines if not line.endswith("--help")]


def test_it_builds_for_the_gpu_that_is_here(place):
    done = build(place)
    assert done.exit_code == 0, done.stderr
    assert "[1/2 cpu] precision" in done.stderr
    assert "[2/2 gpu] plan-sm89" in done.stderr
    assert "RUNNING TensorRT.trtexec" in done.stderr, "what a step says is passed on"
    found = {path.relative_to(place / "out").as_posix() for path in (place / "out").rglob("*") if path.is_file()}
    engine = "repository/embed-engine"
    assert {f"{engine}/1/model.sm89.plan", f"{engine}/config.pbtxt", ".complete-8.9", "digests-8.9.json"} <= found
    assert f"{engine}/1/model.sm86.plan" not in found
    assert not list(place.glob("out.work*"))


def test_digests_are_those_of_the_files(place):
    build(place)
    data = json.loads((place / "out" / "digests-8.9.json").read_text())
    assert data["requires"] == {"tensorrt": "11.0.0"}
    assert data["inputs"]["source/model.onnx"] == hashlib.sha256(b"graph").hexdigest()
    for path, digest in data["outputs"].items():
        assert hashlib.sha256((place / "out" / path.removeprefix("out/")).read_bytes()).hexdigest() == digest


def test_the_other_gpus_plan_joins_it(place):
    build(place)
    tool(place / "bin", "nvidia-smi", "#!/bin/sh\necho 8.6\n")
    assert build(place).exit_code == 0
    assert {path.name for path in (place / "out/repository/embed-engine/1").iterdir()} == {
        "model.sm86.plan", "model.sm89.plan",
    }  # fmt: skip
    assert "is complete" in build(place).stderr


def test_a_step_that_is_done_is_not_run_again(place):
    assert build(place, "--lane", "cpu").exit_code == 0
    done = build(place)
    assert "precision: done before" in done.stderr
    assert [line.split()[0] for line in ran(place)] == ["python3", "trtexec"]


def test_another_tensorrt_is_refused(place):
    tool(place / "bin", "trtexec", TRTEXEC.format(version="110100"))
    done = build(place)
    assert done.exit_code == 1
    assert "tensorrt here is 11.1.0, and the image that serves has 11.0.0" in done.stderr
    assert ran(place) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("trtexec", "there is no tensorrt here: run it in the image"), ("nvidia-smi", "there is no NVIDIA GPU here")],
)
def test_what_is_missing_is_said_with_what_to_do(place, name, words):
    (place / "bin" / name).unlink()
    done = build(place, "--capability", "8.9")
    assert done.exit_code == 1
    assert words in done.stderr
    assert not (place / "out").exists()


def test_another_gpu_is_refused(place):
    tool(place / "bin", "nvidia-smi", "#!/bin/sh\necho 9.0\n")
    done = build(place, "--capability", "8.9")
    assert done.exit_code == 1
    assert "has compute capability 9.0, and what is for 8.9 is built on such a GPU" in done.stderr
    assert "name one: `--capability 8.6` or `--capability 8.9`" in build(place).stderr


def test_a_step_that_fails_leaves_nothing_that_looks_complete(place, monkeypatch):
    monkeypatch.setenv("FAIL", "yes")
    done = build(place)
    assert done.exit_code == 2
    assert "the step `plan-sm89` made no out/repository/embed-engine/1/model.sm89.plan" in done.stderr
    assert not (place / "out").exists()
    monkeypatch.delenv("FAIL")
    assert build(place).exit_code == 0


def test_dry_run_prints_the_commands(place):
    done = build(place, "--dry-run", "--lane", "gpu", "--capability", "8.6")
    steps = json.loads((EMBED / "steps.json").read_text())["steps"]
    wanted = [step["argv"] for step in steps if step["computeCapability"] == "8.6"]
    assert [line.split() for line in done.stdout.splitlines() if not line.startswith("#")] == wanted
    assert ran(place) == []


def test_a_checkpoint_is_quantized(place):
    done = build(place, order=QUANTIZE)
    assert done.exit_code == 0, done.stderr
    assert (place / "out" / ".complete").exists()
    assert (place / "out" / "hf_quant_config.json").exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"model": 1}', "\x00"])
def test_what_is_no_order_is_refused(place, text):
    (place / "steps.json").write_text(text)
    done = build(place, order=place)
    assert done.exit_code == 2
    assert "steps.json is not what `llmspec compile` wrote" in done.stderr


@pytest.mark.parametrize("path", ["/etc/passwd", "../out", "out/../../x", "a\nb"])
def test_what_leads_outside_is_refused(place, path):
    data = json.loads((EMBED / "steps.json").read_text())
    data["steps"][0]["outputs"] = [path]
    (place / "steps.json").write_text(json.dumps(data))
    assert build(place, order=place).exit_code == 2


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ("[TensorRT v110201] [b3]", "11.2.1"),
        ("[TensorRT v101602]", "10.16.2"),
        ("[TensorRT v8601]", "8.6.1"),
        ("[TensorRT v11.1.0.106]", "11.1.0"),
        ("trtexec", None),
    ],
)
def test_versions_of_trtexec(banner, version):
    assert tensorrt_version(f"&&&& RUNNING TensorRT.trtexec {banner} # trtexec") == version
