"""Engines of TensorRT-LLM: a lane that ended with 1.3.0rc20, for teams that still run it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import msgspec

from llmspec.catalog.releases import Known
from llmspec.families import Pin
from llmspec.plan.build import Build, ContextFile, Image, Step, build_script
from llmspec.plan.network import Network
from llmspec.report.code import Code
from llmspec.report.report import Report
from llmspec.sizing.rounding import whole_gib

ENGINE_GONE = Code(
    "LS348", "engine-no-longer-built", "no engine can be built with TensorRT-LLM {version}",
    why="The last release with the TensorRT backend was 1.3.0rc20; `trtllm-build` and `convert_checkpoint.py` are gone "
    "since. What was built then is served from a checkpoint now.",
)  # fmt: skip
ENGINE_ENDS = Code(
    "LS349", "engine-lane-ended", "engines of TensorRT-LLM ended with 1.3.0rc20",
    why="The lane works with the pinned release and with none after it: no new models, no fixes.",
    severity="warning",
)  # fmt: skip
NOT_IN_LANE = Code(
    "LS350", "not-in-an-engine", "`backend: tensorrt` does not take `{key}`",
    why="This lane is kept for what it served before; what came later is in the other backend.",
)  # fmt: skip

GIB = 2**30
EXAMPLES = "/app/tensorrt_llm/examples"
"""Where the release image has them. Source: docker/Dockerfile.multi of TensorRT-LLM 1.2, stage `release`."""
FORMATS = {
    "none": "full_prec",
    "fp8": "fp8",
    "nvfp4": "nvfp4",
    "int4-awq": "int4_awq",
    "w4a8-awq": "w4a8_awq",
}
"""Our method → `--qformat` of examples/quantization/quantize.py."""


def check_engine(network: Network, known: Known, backend: str, report: Report) -> None:
    """Say that the lane is gone, or that it ends, and what it does not take."""
    at = (*network.at, "engine", "backend")
    if backend != "tensorrt":
        return
    if not known.options("trtllm-build"):
        hint = "remove `backend`: the checkpoint is served as it is, or after `quantization` by ModelOpt"
        also = [((*network.at, "engine", "version"), "this release")]
        report.say(ENGINE_GONE, at, version=known.version, also=also, help=hint)
        return
    wrong = {
        "lora": bool(network.adapters),
        "parallelism.data": network.parallel.data > 1,
        "parallelism.expert": network.parallel.expert > 1,
        "quantization.method": network.precision.method not in FORMATS,
    }
    for key in sorted(key for key, is_wrong in wrong.items() if is_wrong):
        report.say(NOT_IN_LANE, (*network.at, *key.split(".")), key=key, help="use `backend: pytorch`")
    capabilities = {gpu.compute_capability for gpu in network.gpus}
    if len(capabilities) > 1:
        at, key = network.gpus[-1].at, "hardware.alternatives"
        report.say(NOT_IN_LANE, at, key=key, help="remove it: an engine runs on the GPU that it was built on")
    if network.facts.quantization:
        hint = "use `backend: pytorch`, or name the checkpoint that is not quantized"
        report.say(NOT_IN_LANE, (*network.at, "metadata"), key="a quantized checkpoint", help=hint)
    if not any(wrong.values()) and len(capabilities) == 1 and not network.facts.quantization:
        report.say(ENGINE_ENDS, at, help="plan the move to `backend: pytorch`, which needs no build")


def build_of(network: Network, known: Known, pin: Pin) -> Build:
    """quantize.py, which converts too, then `trtllm-build`: one engine for each rank, on the GPUs that serve it."""
    steps, base = tuple(_steps(network)), pin(known.image("serve"))
    depends = (steps, base, network.digest, network.precision)
    digest = sha256(msgspec.json.encode(depends)).hexdigest()
    return Build(
        model=network.name,
        image=_image(network, known, base, steps),
        steps=steps,
        result=f"{network.weights}-engine-{digest[:12]}",
        requires=(("tensorrt_llm", known.version),),
        gpus=network.parallel.gpus,
        memory=whole_gib(network.facts.weight_bytes) + 16 * GIB,
        origin=f"{network.origin}.engine",
    )


def _steps(network: Network) -> Iterator[Step]:
    asked, split = network.precision, network.parallel
    capability = network.gpu.compute_capability
    calibration = ("--calib_dataset", "tools/calibration", "--calib_size", str(asked.samples)) if asked.samples else ()
    kv = ("--kv_cache_dtype", "fp8") if asked.kv_cache in ("fp8", "fp8-cast") else ()
    yield Step(
        name="checkpoint",
        purpose=f"convert the weights, quantized to {FORMATS[asked.method]}, for {split.gpus} ranks",
        lane="gpu",
        argv=(
            "python3", f"{EXAMPLES}/quantization/quantize.py",
            "--model_dir", "source",
            "--output_dir", "checkpoint",
            "--qformat", FORMATS[asked.method],
            *kv,
            *calibration,
            "--tp_size", str(split.tensor),
            "--pp_size", str(split.pipeline),
        ),
        inputs=("source/config.json",),
        outputs=("checkpoint/config.json",),
        compute_capability=capability,
    )  # fmt: skip
    yield Step(
        name="engine",
        purpose=f"build the engines for compute capability {capability}, on such a GPU",
        lane="gpu",
        argv=(
            "trtllm-build",
            "--checkpoint_dir", "checkpoint",
            "--output_dir", "out",
            "--max_batch_size", str(network.max_num_seqs),
            "--max_seq_len", str(network.max_model_len),
            "--workers", str(split.gpus),
        ),
        inputs=("checkpoint/config.json",),
        outputs=("out/config.json", *(f"out/rank{rank}.engine" for rank in range(split.gpus))),
        compute_capability=capability,
    )  # fmt: skip


def _image(network: Network, known: Known, base: str, steps: tuple[Step, ...]) -> Image:
    calibration = (ContextFile(path="calibration/train.jsonl", text=network.precision.calibration),)
    return Image(
        name=f"{network.name}-build",
        base=base,
        template="docker/builder.Dockerfile",
        title=f"builder of the TensorRT-LLM {known.version} engines of {network.name}",
        files=(
            build_script(network.name, steps),
            *(calibration if network.precision.samples else ()),
        ),
        command=("/opt/llmspec/build.sh",),
        origin=f"{network.origin}.engine",
    )
