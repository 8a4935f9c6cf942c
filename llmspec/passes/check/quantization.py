"""A precision is one that engine, GPUs and checkpoint have, or that a job can make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmspec.catalog.releases import Known, Support, table
from llmspec.passes.networks import network
from llmspec.passes.resolve import Resolved, ResolvedModel
from llmspec.plan.network import Network
from llmspec.plan.workload import Gpu
from llmspec.report.code import Code
from llmspec.report.place import Path
from llmspec.report.report import Report

NOT_ON_GPU = Code(
    "LS377", "precision-not-on-gpu",
    "{engine} {version} cannot run `{format}` on `{gpu}` (compute capability {capability})",
    why="Each precision needs units, and kernels of the engine for them, that GPUs have from some compute capability "
    "on.",
)  # fmt: skip
NOT_IN_ENGINE = Code(
    "LS311", "precision-not-in-engine", "{engine} {version} serves no `{format}`",
    why="Each engine reads a few formats of weights and KV caches; the others it refuses when it loads them.",
)  # fmt: skip
DISAGREES = Code(
    "LS388", "quantization-disagrees", "the checkpoint is quantized to `{has}`, not to `{asked}`",
    why="What a checkpoint is quantized to is decided when it is made. Weights cannot be quantized twice.",
)  # fmt: skip
NOT_MADE = Code(
    "LS389", "quantization-not-made", "the checkpoint is not quantized, and nothing makes it `{method}`",
    why="The engine reads the precision from the checkpoint. A checkpoint in another one is made by a job, which "
    "needs real texts to measure ranges with.",
)  # fmt: skip
NO_SCALES = Code(
    "LS390", "kv-cache-without-scales", "the checkpoint has no scales for a KV cache in `{dtype}`",
    why="Without scales an engine takes them to be 1 and says nothing; accuracy then falls for models whose keys or "
    "values are large.",
)  # fmt: skip
CALIBRATION_UNUSED = Code(
    "LS391", "calibration-without-effect", "nothing is calibrated: {reason}",
    why="Calibration measures ranges while a checkpoint is quantized. Where none is, the texts would be locked and "
    "reviewed for nothing.",
)  # fmt: skip
WEIGHT_ONLY = Code(
    "LS392", "precision-of-weights-only",
    "on `{gpu}` {engine} {version} keeps weights in `{format}` and computes in 16 bit",
    why="The GPU has no units for the format. Memory is saved; the speed that the format is known for is not had.",
    severity="warning",
)  # fmt: skip
NOT_IN_FAMILY = Code(
    "LS393", "precision-not-listed-for-family", "{source} does not list `{format}` for `{architecture}`",
    why="The documentation of the engine lists what has been tried for each family of models. What is not listed may "
    "work; nobody says so.",
    severity="warning",
)  # fmt: skip

NEAREST = (
    "nvfp4",
    "mxfp4",
    "fp8",
    "int8-smoothquant",
    "int8",
    "w4a8-awq",
    "int4-awq",
    "gptq",
    "none",
    "bf16",
    "fp16",
    "fp32",
)
"""In order of what is lost when one falls back to the next."""
SCALED = ("fp8", "nvfp4")


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        engine = each.model.engine
        if each.model.task not in engine.tasks or "quantization" not in engine.takes:
            continue
        net, known = network(resolved, each), engine.facts()
        before = report.faults
        _check_agreement(each, report)
        for path, name in engine.formats(net):
            _check_format(net, _placed(each, path), name, known, report)
        if not engine.runs_graphs:
            _check_kv_cache(each, net, known, report)
        if report.faults == before:
            _check_making(each, net, known, report)
            _check_family(each, net, known, report)


def _placed(each: ResolvedModel, path: Path) -> Path:
    """Where a format is asked for: by the spec, or by the checkpoint."""
    if path != ("quantization", "method") or each.model.quantization.method:
        return (*each.at, *path)
    return (*each.at, "metadata") if each.facts.quantization else (*each.at, "engine", "kind")


def _check_agreement(each: ResolvedModel, report: Report) -> None:
    asked, has = each.model.quantization.method, each.facts.quantization
    if asked is not None and has and asked != has:
        also = [((*each.at, "metadata"), "what the checkpoint says of itself")]
        at = (*each.at, "quantization", "method")
        report.say(
            DISAGREES, at, has=has, asked=asked, also=also, help=f"write `method: {has}`, or name another checkpoint"
        )


def _check_format(net: Network, at: Path, name: str, known: Known, report: Report) -> None:
    maker = net.precision.maker if name == net.precision.method else ""
    row = known.quantization(name, maker)
    shown = f"{name} of ModelOpt" if maker == "modelopt" and known.quantization(name) else name
    facts: dict[str, Any] = {"engine": known.table.title, "version": known.version, "format": shown}
    if row is None:
        if name != "none":
            report.say(NOT_IN_ENGINE, at, help=_instead(name, net, known), **facts)
        return
    for gpu in net.gpus:
        also = [(gpu.at, "this GPU")]
        if gpu.compute_capability not in row.capabilities:
            capability = gpu.compute_capability
            hint = _instead(name, net, known) or _gpus(row)
            report.say(NOT_ON_GPU, at, gpu=gpu.sku, capability=capability, also=also, help=hint, **facts)
        elif gpu.compute_capability in row.weight_only and row.weight_only != row.capabilities:
            hint = _instead(name, net, known, full=True) or _computing(row)
            report.say(WEIGHT_ONLY, at, gpu=gpu.sku, also=also, help=hint, **facts)


def _instead(name: str, net: Network, known: Known, *, full: bool = False) -> str:
    """The two nearest formats that work on all of the GPUs."""
    names = NEAREST[NEAREST.index(name) + 1 :] + NEAREST[: NEAREST.index(name)][::-1] if name in NEAREST else NEAREST
    maker = "modelopt" if net.precision.maker == "modelopt" else ""
    able = [each for each in names if _works(known.quantization(each, maker), net.gpus, full=full)]
    key = "precision" if known.quantization("fp32") else "method"
    if net.facts.quantization:
        return f"name a checkpoint in {' or '.join(f'`{each}`' for each in able[:2])}" if able else ""
    return "use " + " or ".join(f"`{key}: {each}`" for each in able[:2]) if able else ""


def _works(row: Support | None, gpus: tuple[Gpu, ...], *, full: bool) -> bool:
    if row is None:
        return False
    has = [gpu.compute_capability for gpu in gpus]
    return all(each in row.capabilities for each in has) and not (full and any(each in row.weight_only for each in has))


def _computing(row: Support) -> str:
    full = [each for each in row.capabilities if each not in row.weight_only]
    return f"GPUs of compute capability {', '.join(full)} compute in it"


def _gpus(row: Support) -> str:
    return f"it runs on compute capability {', '.join(row.capabilities)}"


def _check_kv_cache(each: ResolvedModel, net: Network, known: Known, report: Report) -> None:
    asked, at = net.precision.kv_cache, (*each.at, "quantization", "kvCache")
    if asked == "auto":
        return
    dtype = asked.removesuffix("-cast")
    row = known.kv_cache(dtype)
    facts: dict[str, Any] = {"engine": known.table.title, "version": known.version, "format": f"kvCache: {asked}"}
    if row is None:
        report.say(NOT_IN_ENGINE, at, help="write `kvCache: auto`", **facts)
        return
    for gpu in net.gpus:
        if gpu.compute_capability not in row.capabilities:
            also, capability = [(gpu.at, "this GPU")], gpu.compute_capability
            report.say(
                NOT_ON_GPU, at, gpu=gpu.sku, capability=capability, also=also, help=_other_caches(known, gpu), **facts
            )
    if asked in SCALED and asked != each.facts.kv_scales and not net.precision.is_built:
        hint = "write `kvCache: fp8-cast` to take them to be 1" if asked == "fp8" else "write `kvCache: auto`"
        hint += ", or quantize with `calibration`"
        report.say(NO_SCALES, at, dtype=dtype, help=hint)


def _other_caches(known: Known, gpu: Gpu) -> str:
    able = [each for each in SCALED if (row := known.kv_cache(each)) and gpu.compute_capability in row.capabilities]
    return "write " + " or ".join(f"`kvCache: {each}`" for each in (*able, "auto"))


def _check_making(each: ResolvedModel, net: Network, known: Known, report: Report) -> None:
    """Either the checkpoint has the precision, or the engine makes it while loading, or a job does."""
    method, has, calibration = net.precision.method, each.facts.quantization, each.model.quantization.calibration
    at = (*each.at, "quantization")
    if calibration and (method == "none" or has):
        reason = "the checkpoint is quantized already" if has else "no `method` is asked for"
        report.say(
            CALIBRATION_UNUSED, (*at, "calibration"), reason=reason, help="remove `calibration`, or name a `method`"
        )
    elif method not in ("none", has) and not each.model.engine.runs_graphs:
        makers = table("modelopt").quantizations
        if calibration and method not in makers:
            able = [name for name in NEAREST if name in makers and known.quantization(name)]
            hint = f"name a checkpoint that has it; ModelOpt makes {', '.join(f'`{name}`' for name in able)}"
            report.say(NOT_MADE, (*at, "method"), method=method, help=hint)
        elif not calibration and method not in known.names("online"):
            hint = "add `calibration: {file: …}`, or name a checkpoint that has it"
            report.say(NOT_MADE, (*at, "method"), method=method, help=hint)
    elif method != "none" and each.model.engine.runs_graphs and not calibration:
        report.say(NOT_MADE, (*at, "method"), method=method, help="add `calibration: {file: …}`")


def _check_family(each: ResolvedModel, net: Network, known: Known, report: Report) -> None:
    method, family = net.precision.method, each.facts.architecture
    if method == "none":
        return
    for name, listed in _lists(net, known):
        if family in listed and method not in listed[family]:
            works = ", ".join(f"`{each}`" for each in listed[family])
            at = _placed(each, ("quantization", "method"))
            report.say(NOT_IN_FAMILY, at, source=name, format=method, architecture=family, help=f"it lists {works}")


def _lists(net: Network, known: Known) -> Iterator[tuple[str, dict[str, tuple[str, ...]]]]:
    yield f"the documentation of {known.table.title}", known.table.families
    if net.precision.maker == "modelopt" and net.precision.is_built:
        yield "the documentation of ModelOpt", table("modelopt").families
