"""Triton's own protobuf reads each config.pbtxt, its core would accept it, and it goes with what is built."""

import json
import re

import pytest
from google.protobuf import text_format
from judged import environments, files, objects
from triton_rules import faults
from tritonclient.grpc.model_config_pb2 import ModelConfig

GOOD = """
name: "m" platform: "tensorrt_plan" max_batch_size: 8
input { name: "a" data_type: TYPE_FP32 dims: [-1] }
output { name: "b" data_type: TYPE_FP32 dims: [4] }
instance_group { count: 1 kind: KIND_GPU profile: "0" }
dynamic_batching { preferred_batch_size: 8 }
cc_model_filenames { key: "8.9" value: "model.plan" }
"""
BAD = (
    ('name: "m" ', "", "no name"),
    ("tensorrt_plan", "tensort_plan", "platform"),
    ("max_batch_size: 8", "max_batch_size: -3", "max_batch_size is -3"),
    ("max_batch_size: 8", "max_batch_size: 0", "without batches"),
    ("preferred_batch_size: 8", "preferred_batch_size: 9", "9 is not in 1..8"),
    ("dims: [4]", "dims: [0]", "dimension 0"),
    ('"b"', '"a"', "two tensors"),
    ("data_type: TYPE_FP32 dims: [4]", "dims: [4]", "without name or type"),
    ("KIND_GPU", "KIND_CPU", "on a CPU"),
    ("count: 1", "count: 0", "0 instances"),
    ('"8.9"', '"sm89"', "sm89"),
)  # fmt: skip


ENSEMBLE = """
name: "m" platform: "ensemble" max_batch_size: 8
input { name: "a" data_type: TYPE_STRING dims: [1] }
output { name: "b" data_type: TYPE_FP32 dims: [4] }
ensemble_scheduling {
  step { model_name: "one" input_map { key: "x" value: "a" } output_map { key: "y" value: "between" } }
  step { model_name: "two" input_map { key: "x" value: "between" } output_map { key: "y" value: "b" } }
}
"""
BAD_ENSEMBLE = (
    ('model_name: "one" ', "", "lacks a name"),
    ('input_map { key: "x" value: "between" }', "", "lacks a name, inputs or outputs"),
    ('input_map { key: "x" value: "between" }', 'input_map { key: "x" value: "a" }', None),
    ('value: "between" } output', 'value: "nothing" } output', "nothing makes `nothing`"),
    ('input_map { key: "x" value: "a" }', 'input_map { key: "x" value: "between" }', "nothing uses the input `a`"),
    ('output_map { key: "y" value: "b" }', 'output_map { key: "y" value: "c" }', "nothing makes the output `b`"),
    ('value: "between" } }', 'value: "b" } }', "`b` is made twice"),
    ('platform: "ensemble"', 'platform: "tensorrt_plan"', "with 2 steps"),
)
WARM = """
model_warmup {
  name: "w" batch_size: 8 inputs { key: "a" value { data_type: TYPE_FP32 dims: [4] zero_data: true } }
}
"""
BAD_WARM = (
    ("batch_size: 8 inputs", "batch_size: 9 inputs", "of batch 9"),
    ('key: "a" value', 'key: "z" value', "unknown input `z`"),
    ("zero_data: true", "", "without type or data"),
)


def read(path):
    return text_format.Parse(path.read_text("utf-8"), ModelConfig())


@pytest.mark.parametrize("path", files("config.pbtxt"))
def test_config(path):
    assert faults(read(path)) == []


@pytest.mark.parametrize("path", files("triton/*/config.pbtxt"))
def test_the_folder_is_the_name(path):
    assert read(path).name == path.parent.name


@pytest.mark.parametrize(("old", "new", "word"), BAD, ids=[word for *_, word in BAD])
def test_a_fault_would_be_noticed(old, new, word):
    assert faults(text_format.Parse(GOOD, ModelConfig())) == []
    assert old in GOOD
    assert any(word in fault for fault in faults(text_format.Parse(GOOD.replace(old, new), ModelConfig())))


@pytest.mark.parametrize(("old", "new", "word"), BAD_ENSEMBLE, ids=[str(word) for *_, word in BAD_ENSEMBLE])
def test_a_fault_of_an_ensemble_would_be_noticed(old, new, word):
    assert faults(text_format.Parse(ENSEMBLE, ModelConfig())) == []
    assert old in ENSEMBLE
    found = faults(text_format.Parse(ENSEMBLE.replace(old, new), ModelConfig()))
    assert any(word in fault for fault in found) if word else found == []


@pytest.mark.parametrize(("old", "new", "word"), BAD_WARM, ids=[word for *_, word in BAD_WARM])
def test_a_fault_of_a_warm_up_would_be_noticed(old, new, word):
    assert faults(text_format.Parse(GOOD + WARM, ModelConfig())) == []
    assert any(word in fault for fault in faults(text_format.Parse(GOOD + WARM.replace(old, new), ModelConfig())))


@pytest.mark.parametrize("bad", ["unknown: 1", "max_batch_size: x", "input { data_type: TYPE_FP8 }"])
def test_the_parser_notices(bad):
    with pytest.raises(text_format.ParseError):
        text_format.Parse(bad, ModelConfig())


def plans():
    """A parameter for each configuration of a model that runs plans."""
    return [each for each in files("triton/*/config.pbtxt") if read(each.values[0]).platform == "tensorrt_plan"]


def order(environment, model):
    """The `steps.json` that builds a model's plans, and its folder."""
    for path in environment.glob("engine/*/steps.json"):
        data = json.loads(path.read_text("utf-8"))
        if any(f"/{model}/" in output for step in data["steps"] for output in step["outputs"]):
            return path.parent, data
    raise AssertionError(f"nothing builds {model}")


@pytest.mark.parametrize("path", plans())
def test_it_goes_with_the_build(path):
    """The plans that are built are those that are loaded, with the named profiles, for the same batches."""
    config, (folder, data) = read(path), order(path.parents[2], path.parent.name)
    builds = [step for step in data["steps"] if step["argv"][0] == "trtexec"]
    built = {step["computeCapability"]: output.rpartition("/")[2] for step in builds for output in step["outputs"]}
    assert dict(config.cc_model_filenames) == built
    assert list(built) == data["capabilities"]
    for build in builds:
        most = [argument for argument in build["argv"] if argument.startswith("--maxShapes=")]
        assert [profile for group in config.instance_group for profile in group.profile] == [
            str(number) for number in range(len(most))
        ]
        batches = {int(size) for argument in most for size in re.findall(r":(\d+)", argument)}
        assert max(batches) == config.max_batch_size
        assert set(re.findall(r"[=,]([^:,=]+):", most[0])) == {each.name for each in config.input}
    copied = folder / data["tools"] / "repository" / path.parent.name / "config.pbtxt"
    assert path.read_bytes() == copied.read_bytes()


@pytest.mark.parametrize("path", plans())
def test_it_is_warm_before_it_is_ready(path):
    """Each profile once, with its usual shapes, within what the model takes."""
    config = read(path)
    profiles = [profile for group in config.instance_group for profile in group.profile]
    assert len(config.model_warmup) == len(profiles)
    for warmup in config.model_warmup:
        assert 0 < warmup.batch_size <= config.max_batch_size
        assert set(warmup.inputs) == {each.name for each in config.input}
        for each in config.input:
            dims = warmup.inputs[each.name].dims
            assert len(dims) == len(each.dims)
            assert all(size > 0 and expected in (-1, size) for size, expected in zip(dims, each.dims, strict=True))


def ensembles():
    return [each for each in files("triton/*/config.pbtxt") if read(each.values[0]).platform == "ensemble"]


@pytest.mark.parametrize("path", ensembles())
def test_an_ensemble_is_wired_through(path):
    """Every tensor of a step is the ensemble's own or another step's, of the same type and shape."""
    config, known = read(path), {}
    others = {each.parent.name: read(each) for each in path.parents[1].glob("*/config.pbtxt")}
    known |= {each.name: (each.data_type, tuple(each.dims)) for each in config.input}
    for step in config.ensemble_scheduling.step:
        model = others[step.model_name]
        assert config.max_batch_size <= model.max_batch_size
        inputs = {each.name: (each.data_type, tuple(each.dims)) for each in model.input}
        outputs = {each.name: (each.data_type, tuple(each.dims)) for each in model.output}
        assert {name: known[tensor] for name, tensor in step.input_map.items()} == inputs
        known |= {tensor: outputs[name] for name, tensor in step.output_map.items()}
    assert {each.name: known[each.name] for each in config.output} == {
        each.name: (each.data_type, tuple(each.dims)) for each in config.output
    }
    assert list((path.parent / "1").iterdir()), "a version of the model"


def repositories():
    """`--model-repository` of each Triton container, with its environment."""
    for environment in environments():
        for each in objects(environment):
            for container in each.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
                for argument in container.get("args", ()):
                    if argument.startswith("--model-repository="):
                        yield environment, argument.partition("=")[2]


def test_what_is_served_is_what_is_built():
    found = list(repositories())
    assert found
    for environment, folder in found:
        results = {json.loads(path.read_text("utf-8"))["result"] for path in environment.glob("engine/*/steps.json")}
        assert folder.removesuffix("/repository") in results


def test_jobs_build_what_is_waited_for():
    """The jobs' arguments are the folders of steps.json, one job for each capability; pods wait for all of them."""
    for environment in environments():
        orders = [json.loads(path.read_text("utf-8")) for path in environment.glob("engine/*/steps.json")]
        jobs = [each for each in objects(environment) if each["kind"] == "Job"]
        arguments = [each["spec"]["template"]["spec"]["containers"][0]["args"] for each in jobs]
        built = {(row[-1], row[row.index("--capability") + 1] if "--capability" in row else "") for row in arguments}
        marks = {(order["result"], each) for order in orders for each in order["capabilities"] or [""]}
        assert built == marks
        waits = {
            argument
            for each in objects(environment)
            for container in each.get("spec", {}).get("template", {}).get("spec", {}).get("initContainers", ())
            if container["name"] == "wait-for-engine"
            for argument in container["args"]
        }
        assert waits == {f"{result}/.complete{each and '-'}{each}" for result, each in marks}
