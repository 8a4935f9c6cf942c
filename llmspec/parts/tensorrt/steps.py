"""The steps from an ONNX graph to plans: calibration and precision on a CPU, the plans each on its own GPU."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from llmspec.catalog.releases import Known
from llmspec.parts.tensorrt.export import Export, export_step
from llmspec.parts.tensorrt.profiles import Profiles, sequence_axis, shapes
from llmspec.plan.build import Step
from llmspec.plan.network import Network

CALIBRATED = {"int8": ("--op_types_to_quantize", "MatMul", "--disable_mha_qdq"), "fp8": ()}
"""Method → what it leaves alone. Measured on all-MiniLM-L6-v2 with ModelOpt 0.47.0, cosine with fp32: fp8 0.98 or more;
int8 0.34 by default, 0.54 without the matrix products of attention, 0.96 without the feed-forward layers as well."""


class Recipe(Struct, frozen=True, kw_only=True):
    """What the engine asks of the build. The graph is `onnx` in `folder`: the source's, or that of the export.
    `workspace` in MiB; `portable` is trtexec's `--hardwareCompatibilityLevel`.
    """

    folder: str
    onnx: str
    export: Export | None
    precision: str
    profiles: Profiles
    workspace: int
    portable: str
    is_version_compatible: bool
    tokenizer: str


def plan_file(capability: str) -> str:
    """The file of a plan; one for every GPU has no capability in its name."""
    return f"model.sm{capability.replace('.', '')}.plan" if capability else "model.plan"


def steps_of(
    network: Network, known: Known, recipe: Recipe, model: str, capabilities: tuple[str, ...]
) -> Iterator[Step]:
    """`model` is the name of the model in the repository; `capabilities` are those that a plan is built for."""
    source, method = f"{recipe.folder}/{recipe.onnx}", network.precision.method
    if recipe.export:
        yield export_step(network.task, recipe.export)
    if method in CALIBRATED:
        typed = f"model.{method}.onnx"
        yield _calibrate(network, recipe)
        yield _copy(recipe)
        yield _quantize(network, typed, recipe)
    elif recipe.precision != "fp32":
        typed = f"model.{recipe.precision}.onnx"
        yield _cast(source, typed, recipe)
    else:
        typed = source
    for capability in capabilities or ("",):
        yield _plan(network, known, recipe, typed, f"out/repository/{model}/1/{plan_file(capability)}", capability)


def _calibrate(network: Network, recipe: Recipe) -> Step:
    names = ",".join(each.name for each in network.facts.inputs)
    return Step(
        name="calibration",
        purpose=f"turn {network.precision.samples} texts into the tensors that ranges are measured with",
        lane="cpu",
        argv=(
            "python3", "tools/calibration.py",
            "--tokenizer", f"source/{recipe.tokenizer}",
            "--texts", "tools/calibration.jsonl",
            "--output", "calibration.npz",
            "--inputs", names,
            "--samples", str(network.precision.samples),
            "--length", str(_length(network, recipe)),
        ),
        inputs=("tools/calibration.jsonl", f"source/{recipe.tokenizer}"),
        outputs=("calibration.npz",),
    )  # fmt: skip


def _length(network: Network, recipe: Recipe) -> int:
    """No more tokens than the engine will take."""
    axis = sequence_axis(network.facts) or ""
    return min(network.precision.length, max(profile[axis][2] for profile in recipe.profiles))


def _copy(recipe: Recipe) -> Step:
    """ModelOpt 0.47.0 infers shapes in place, and overwrites the graph that it is given."""
    return Step(
        name="copy",
        purpose="copy the graph, because its shapes are inferred in place",
        lane="cpu",
        argv=("cp", "-RLT", "--no-preserve=mode", recipe.folder, "original"),
        inputs=(f"{recipe.folder}/{recipe.onnx}",),
        outputs=(f"original/{recipe.onnx}",),
    )


def _quantize(network: Network, typed: str, recipe: Recipe) -> Step:
    method = network.precision.method
    excluded = ("--nodes_to_exclude", *network.precision.exclude) if network.precision.exclude else ()
    return Step(
        name="precision",
        purpose=f"put {method} into the graph, as Q/DQ pairs with measured scales; the rest is {recipe.precision}",
        lane="cpu",
        argv=(
            "python3", "-m", "modelopt.onnx.quantization",
            "--onnx_path", f"original/{recipe.onnx}",
            "--output_path", typed,
            "--quantize_mode", method,
            "--calibration_data_path", "calibration.npz",
            "--calibration_method", "max",
            "--high_precision_dtype", recipe.precision,
            "--calibration_eps", "cpu",
            *CALIBRATED[method],
            *excluded,
        ),
        inputs=(f"original/{recipe.onnx}", "calibration.npz"),
        outputs=(typed,),
    )  # fmt: skip


def _cast(source: str, typed: str, recipe: Recipe) -> Step:
    return Step(
        name="precision",
        purpose=f"put {recipe.precision} into the graph; TensorRT takes each tensor's type from there",
        lane="cpu",
        argv=(
            "python3", "-m", "modelopt.onnx.autocast",
            "--onnx_path", source,
            "--output_path", typed,
            "--low_precision_type", recipe.precision,
            "--keep_io_types",
        ),
        inputs=(source,),
        outputs=(typed,),
    )  # fmt: skip


def _plan(network: Network, known: Known, recipe: Recipe, typed: str, plan: str, capability: str) -> Step:
    on = f"for compute capability {capability}, on such a GPU" if capability else "for every GPU from Ampere on"
    cache = f"tensorrt-{known.version}-sm{capability.replace('.', '') or 'any'}.timing"
    return Step(
        name="plan" + f"-sm{capability.replace('.', '')}" * bool(capability),
        purpose=f"build the plan {on}",
        lane="gpu",
        argv=(
            "trtexec",
            f"--onnx={typed}",
            f"--saveEngine={plan}",
            *_shapes(network, recipe.profiles),
            f"--memPoolSize=workspace:{recipe.workspace}",
            f"--timingCacheFile=../{cache}",
            *_compatibility(known, recipe),
            "--skipInference",
        ),
        inputs=(typed,),
        outputs=(plan,),
        compute_capability=capability,
    )


def _compatibility(known: Known, recipe: Recipe) -> Iterator[str]:
    """Networks are strongly typed. Releases before 11 have to be told; later ones take it as given."""
    option = known.options("trtexec").get("stronglyTyped")
    if option and not (option.deprecated and known.is_from(option.deprecated)):
        yield "--stronglyTyped"
    if recipe.portable != "none":
        yield f"--hardwareCompatibilityLevel={recipe.portable}"
    if recipe.is_version_compatible:
        yield "--versionCompatible"


def _shapes(network: Network, profiles: Profiles) -> Iterator[str]:
    for index, profile in enumerate(profiles):
        if len(profiles) > 1:
            yield f"--profile={index}"
        for place, option in enumerate(("minShapes", "optShapes", "maxShapes")):
            yield f"--{option}={shapes(profile, network.facts, place)}"
