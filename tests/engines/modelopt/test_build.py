"""The build.sh that llmspec generates, with the real ModelOpt, as far as a machine without a GPU can go.

run.sh makes the environment. Where a GPU would be needed, `trtexec` is a stand-in that only writes its file, and
quantize_checkpoint.py is told to use the CPU.
"""

import json
import os
import shlex
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

REASON = "tests/engines/modelopt/run.sh runs it"
pytest.importorskip("modelopt", reason=REASON)
onnx = pytest.importorskip("onnx", reason=REASON)
transformers = pytest.importorskip("transformers", reason=REASON)

import test_checkpoint  # noqa: E402
import test_export  # noqa: E402
import test_graph  # noqa: E402
from commands import ROOT, run  # noqa: E402

pytestmark = pytest.mark.engines

checkpoint, source, feed, truth = test_graph.checkpoint, test_graph.source, test_graph.feed, test_graph.truth
place = test_checkpoint.place

GENERATED = ROOT / "generated"
PRODUCTION = GENERATED / "support-assistant" / "production"
LLMSPEC = ROOT / ".venv" / "bin" / "llmspec"
TRTEXEC = """#!/bin/sh
set -e
for word; do
  case $word in
    --onnx=*) test -s "${word#*=}" ;;
    --saveEngine=*) echo plan >"${word#*=}" ;;
  esac
done
"""
ON_CPU = """#!/bin/sh
case $1 in
  *quantize_checkpoint.py) set -- "$@" --device cpu ;;
esac
exec {python} "$@"
"""


def build(folder, *argv, tools=None):
    """build.sh of `folder`, which finds the Python of this environment, and before it what lies in `tools`."""
    path = os.pathsep.join(str(each) for each in (tools, Path(sys.executable).parent, os.environ["PATH"]) if each)
    return run("env", f"PATH={path}", folder / "build.sh", *argv)


def tool(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)
    return folder


def steps_of(environment):
    return json.loads((environment / "engine" / "embed" / "steps.json").read_text("utf-8"))["steps"]


def dry(environment, *options):
    """The commands that are printed, and their lanes."""
    status, said = build(environment / "docker" / "embed-build", "--dry-run", *options, "source", "result")
    assert status == 0, said
    lines = said.splitlines()
    assert [line[:2] for line in lines[1::2]] == ["+ "] * (len(lines) // 2)
    purposes = [line[1:].partition("] ")[::2] for line in lines[::2]]
    return [(*purpose, shlex.split(line[2:])) for purpose, line in zip(purposes, lines[1::2], strict=True)]


def of(steps):
    return [(step["lane"], step["purpose"], step["argv"]) for step in steps]


def typed(work, steps):
    """The graph that the plans are built from, and its inputs as trtexec is told of them."""
    plans = [step for step in steps if step["lane"] == "gpu"]
    assert plans
    (name,) = {word.removeprefix("--onnx=") for step in plans for word in step["argv"] if word.startswith("--onnx=")}
    model = test_graph.checked(work / name)
    names = [each.name for each in model.graph.input]
    words = [word for step in plans for word in step["argv"] if "Shapes=" in word]
    assert len(words) == 3 * len(plans)
    for word in words:
        assert [part.partition(":")[0] for part in word.partition("=")[2].split(",")] == names
    for each in (*model.graph.input, *model.graph.output):
        assert each.type.tensor_type.elem_type in {onnx.TensorProto.INT64, onnx.TensorProto.FLOAT}
    return work / name, model


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_generated_embedder(tmp_path, source, feed, truth):
    """The steps for a CPU run for real; the rest, with a stand-in, continues where they left off."""
    folder, result, steps = PRODUCTION / "docker" / "embed-build", tmp_path / "result", steps_of(PRODUCTION)
    before = contents(source)
    status, said = build(folder, "--lane", "cpu", source, result)
    assert status == 0, said
    path, model = typed(tmp_path / "result.work", steps)
    assert {each.data_type for each in model.graph.initializer} == {onnx.TensorProto.FLOAT16}
    assert test_graph.closeness(path, feed, truth) > 0.999
    assert not result.exists(), "it is there only when its plans are"

    status, said = build(folder, "--lane", "gpu", source, result, tools=tool(tmp_path / "bin", "trtexec", TRTEXEC))
    assert (status, said.splitlines()[-1]) == (0, f"{result} is complete"), said
    plans = [step["outputs"][0].removeprefix("out/") for step in steps if step["lane"] == "gpu"]
    repository = {Path("repository") / name: content for name, content in contents(folder / "repository").items()}
    made = {**repository, **{Path(plan): b"plan\n" for plan in plans}, Path(".complete"): b""}
    assert contents(result) == made
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bin", "result"]
    assert contents(source) == before
    assert build(folder, source, result) == (0, f"{result} is complete\n")


def test_dry_run():
    steps = steps_of(PRODUCTION)
    plans = [step for step in steps if step["lane"] == "gpu"]
    assert dry(PRODUCTION) == of(steps)
    assert dry(PRODUCTION, "--lane", "cpu") == of(step for step in steps if step["lane"] == "cpu")
    assert dry(PRODUCTION, "--lane", "gpu") == of(plans)
    for plan in plans:
        capability = plan["computeCapability"]
        assert dry(PRODUCTION, "--lane", "gpu", "--capability", capability) == of([plan])


@pytest.fixture(scope="session")
def quantized(tmp_path_factory):
    """support-assistant in production, its embedder in fp8 and calibrated, compiled by llmspec."""
    if not LLMSPEC.exists():
        pytest.skip(f"{LLMSPEC} is missing: `make test` makes it")
    spec = tmp_path_factory.mktemp("spec") / "support-assistant"
    shutil.copytree(ROOT / "specs" / "support-assistant", spec, ignore=shutil.ignore_patterns("__pycache__"))
    rows = "".join(f"{json.dumps({'text': text})}\n" for text in test_graph.CALIBRATION)
    (spec / "texts.jsonl").write_text(rows, "utf-8")
    text = (spec / "llm.yaml").read_text("utf-8")
    lines = [line for line in text.splitlines(keepends=True) if line.startswith("    hardware: {gpu: l4, ")]
    assert len(lines) == 1
    calibration = "{file: texts.jsonl, samples: 16, maxLength: 64}"
    fp8 = f"    hardware: {{gpu: l4}}\n    quantization: {{method: fp8, calibration: {calibration}}}\n"
    (spec / "llm.yaml").write_text(text.replace(lines[0], fp8), "utf-8")
    for argv in (("lock", spec), ("compile", spec, "--env", "production", "--output", spec.with_name("generated"))):
        status, said = run(LLMSPEC, *argv)
        assert status == 0, said
    return spec.with_name("generated") / "support-assistant" / "production"


def test_calibrated_embedder(tmp_path, quantized, source, feed, truth):
    steps = steps_of(quantized)
    assert [step["name"] for step in steps] == ["calibration", "copy", "precision", "plan-sm89"]
    assert dry(quantized) == of(steps)
    before = contents(source)
    status, said = build(quantized / "docker" / "embed-build", "--lane", "cpu", source, tmp_path / "result")
    assert status == 0, said
    assert [line for line in said.splitlines() if line.startswith("calibration.npz: 16 samples of 64, ")], said
    path, model = typed(tmp_path / "result.work", steps)
    kinds = Counter(node.op_type for node in model.graph.node)
    assert kinds["QuantizeLinear"] == kinds["DequantizeLinear"] > 18
    assert onnx.TensorProto.FLOAT8E4M3FN in {each.data_type for each in model.graph.initializer}
    assert test_graph.closeness(path, feed, truth) > 0.95
    assert contents(source) == before


def distinct(folders):
    """One of each content: environments often share a build."""
    return {str(sorted(contents(folder).items())): folder for folder in sorted(folders)}.values()


@pytest.mark.parametrize(
    "folder",
    [
        pytest.param(each, id=each.parts[-3])
        for each in distinct(GENERATED.glob("claims-triage/*/docker/chat-quantize"))
    ],
)
def test_generated_quantization(tmp_path, place, folder):
    """A small Llama in the place of the 7B one."""
    result = tmp_path / "result"
    tools = tool(tmp_path / "bin", "python3", ON_CPU.format(python=shlex.quote(sys.executable)))
    before = contents(place / "llama")
    status, said = build(folder, place / "llama", result, tools=tools)
    assert (status, said.splitlines()[-1]) == (0, f"{result} is complete"), said
    expected = {".complete", "config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "LICENSE"}
    assert expected <= {each.name for each in result.iterdir()}
    made = json.loads((result / "hf_quant_config.json").read_text("utf-8"))["quantization"]
    assert (made["quant_algo"], made["kv_cache_quant_algo"]) == ("FP8", "FP8")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bin", "result"]
    assert contents(place / "llama") == before
    assert build(folder, place / "llama", result, tools=tools) == (0, f"{result} is complete\n")


def test_generated_reranker(tmp_path):
    """From a checkpoint: the export and AutoCast run for real, on a classifier that is small but of BERT's kind."""
    folder, result = GENERATED / "travel-desk" / "default" / "docker" / "rerank-build", tmp_path / "result"
    order = json.loads((GENERATED / "travel-desk/default/engine/rerank/steps.json").read_text("utf-8"))
    source = tmp_path / "checkpoint"
    test_export.made(transformers.BertForSequenceClassification, source, num_labels=1)
    status, said = build(folder, "--lane", "cpu", source, result)
    assert status == 0, said
    path = tmp_path / "result.work" / "model.fp16.onnx"
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(str(path))
    config = (GENERATED / "travel-desk/default/triton/rerank-engine/config.pbtxt").read_text("utf-8")
    for each in (*model.graph.input, *model.graph.output):
        assert f'name: "{each.name}"' in config
        assert each.type.tensor_type.elem_type in {onnx.TensorProto.INT64, onnx.TensorProto.FLOAT}
    assert onnx.TensorProto.FLOAT16 in {each.data_type for each in model.graph.initializer}
    tools = tool(tmp_path / "tools", "trtexec", TRTEXEC)
    (capability,) = order["capabilities"]
    status, said = build(folder, "--capability", capability, source, tmp_path / "whole", tools=tools)
    assert status == 0, said
    assert (tmp_path / "whole" / f".complete-{capability}").exists()
    assert (tmp_path / "whole/repository/rerank-engine/1/model.sm89.plan").exists()
