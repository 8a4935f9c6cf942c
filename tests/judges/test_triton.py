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


@pytest.mark.parametrize("bad", ["unknown: 1", "max_batch_size: x", "input { data_type: TYPE_FP8 }"])
def test_the_parser_notices(bad):
    with pytest.raises(text_format.ParseError):
        text_format.Parse(bad, ModelConfig())


@pytest.mark.parametrize("path", files("triton/*/config.pbtxt"))
def test_it_goes_with_the_build(path):
    """The plan that is built is the one that is loaded, with a profile for each that is named, for the same batches."""
    config, model = read(path), path.parent.name
    steps = json.loads((path.parents[2] / "engine" / model / "steps.json").read_text("utf-8"))["steps"]
    build = next(step for step in steps if step["argv"][0] == "trtexec")
    built = {step["computeCapability"]: output.rpartition("/")[2] for step in [build] for output in step["outputs"]}
    assert dict(config.cc_model_filenames) == built
    most = [argument for argument in build["argv"] if argument.startswith("--maxShapes=")]
    assert [profile for group in config.instance_group for profile in group.profile] == [
        str(number) for number in range(len(most))
    ]
    batches = {int(size) for argument in most for size in re.findall(r":(\d+)", argument)}
    assert max(batches) == config.max_batch_size
    assert set(re.findall(r"[=,]([^:,=]+):", most[0])) == {each.name for each in config.input}
    copied = path.parents[2] / "docker" / f"{model}-build" / "config.pbtxt"
    assert path.read_bytes() == copied.read_bytes()


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
    """The job's arguments are the folders of steps.json."""
    for environment in environments():
        results = {json.loads(path.read_text("utf-8"))["result"] for path in environment.glob("engine/*/steps.json")}
        jobs = [each for each in objects(environment) if each["kind"] == "Job"]
        assert {each["spec"]["template"]["spec"]["containers"][0]["args"][-1] for each in jobs} == results
