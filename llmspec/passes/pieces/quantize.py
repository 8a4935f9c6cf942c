"""The job that quantizes a checkpoint: ModelOpt's recipes, calibrated with the spec's own texts."""

from __future__ import annotations

from hashlib import sha256

import msgspec
from msgspec.structs import replace

from llmspec.catalog.releases import table
from llmspec.families import Pin
from llmspec.lock.references import quantizer_image
from llmspec.plan.build import Build, ContextFile, Image, Step, build_script
from llmspec.plan.network import Network
from llmspec.sizing.rounding import whole_gib

GIB = 2**30
HEADROOM = 1.25
"""GPU memory of the job over the bytes of the weights: activations of one batch, and ModelOpt's measurements."""
BATCH = 8
"""Texts that are measured at once: the activations of one batch are what `HEADROOM` has room for."""
ALGORITHMS = {
    "fp8": "FP8",
    "nvfp4": "NVFP4",
    "int4-awq": "W4A16_AWQ",
    "w4a8-awq": "W4A8_AWQ",
    "int8-smoothquant": "W8A8_SQ_PER_CHANNEL",
}
"""Our method → `quant_algo` that the finished checkpoint must say. Source: hf_quant_config.json of ModelOpt 0.47.0."""


def quantized(net: Network, build: Build | None) -> Network:
    """The network with the checkpoint that the job makes."""
    return replace(net, checkpoint=build.result) if build else net


def quantize_of(net: Network, pin: Pin) -> Build | None:
    """The build of a quantized checkpoint, if one is needed."""
    if not net.precision.is_built or net.precision.maker != "modelopt":
        return None
    version = table("modelopt").newest_version
    base, step = pin(quantizer_image()), _step(net)
    depends = (step, base, net.digest, net.precision, version)
    digest = sha256(msgspec.json.encode(depends)).hexdigest()
    return Build(
        model=net.name,
        image=_image(net, version, base, step),
        steps=(step,),
        result=f"{net.weights}-{net.precision.method}-{digest[:12]}",
        gpus=gpus_needed(net),
        memory=whole_gib(net.facts.weight_bytes) + 16 * GIB,
        origin=f"{net.origin}.quantization",
    )


def gpus_needed(net: Network) -> int:
    """GPUs of the job, which holds the weights before they get smaller: a power of two, at most those of one node."""
    count = 1
    while count * net.gpu.memory < net.facts.weight_bytes * HEADROOM and count * 2 <= net.gpus_per_node:
        count *= 2
    return count


def _step(net: Network) -> Step:
    asked = net.precision
    kv = {"auto": "none", "fp8-cast": "fp8_cast"}.get(asked.kv_cache, asked.kv_cache)
    scales = {"fp8": "FP8", "fp8_cast": "FP8", "nvfp4": "NVFP4"}.get(kv, "none")
    return Step(
        name="quantize",
        purpose=f"quantize the checkpoint to {asked.method}, calibrated with {asked.samples} rows of the spec's own",
        lane="gpu",
        argv=(
            "python3", "tools/quantize_checkpoint.py",
            "--model", "source",
            "--output", "out",
            "--format", table("modelopt").quantizations[asked.method][-1].name,
            "--kv-cache", kv,
            "--calibration", "tools/calibration.jsonl",
            "--samples", str(asked.samples),
            "--batch-size", str(BATCH),
            "--device", "cuda",
            "--sequence", str(asked.length),
            "--expect-algorithm", ALGORITHMS[asked.method],
            "--expect-kv-cache", scales,
        ),
        inputs=("source/config.json", "tools/calibration.jsonl"),
        outputs=("out/config.json", "out/hf_quant_config.json"),
    )  # fmt: skip


def _image(net: Network, version: str, base: str, step: Step) -> Image:
    return Image(
        name=f"{net.name}-quantize",
        base=base,
        template="docker/builder.Dockerfile",
        title=f"ModelOpt {version}, to quantize {net.name}",
        packages=(f"nvidia-modelopt[hf]=={version}",),
        files=(
            build_script(net.name, (step,)),
            ContextFile(path="quantize_checkpoint.py", template="engine/quantize_checkpoint.py"),
            ContextFile(path="calibration.jsonl", text=net.precision.calibration),
        ),
        command=("/opt/llmspec/build.sh",),
        origin=f"{net.origin}.quantization",
    )
