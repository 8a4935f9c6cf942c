"""A graph that is made from a checkpoint, known before it is there: what the export gives follows from config.json."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec.structs import replace

from llmspec.catalog.releases import Known
from llmspec.part import Section
from llmspec.plan.build import Step, Tensor
from llmspec.plan.network import Facts, Network
from llmspec.report.code import Code
from llmspec.report.report import Report
from llmspec.scalars import Count, doc

NOT_A_CHECKPOINT = Code(
    "LS318", "nothing-to-export", "the lock knows no checkpoint of `{model}` to export",
    why="The inputs and outputs of an exported graph follow from the checkpoint's `config.json`.",
)  # fmt: skip
OLD_OPSET = Code(
    "LS319", "opset-not-exported", "graphs are exported with opset {least} to {highest}, not {opset}",
    why="The exporter of PyTorch writes no older opset, and the pinned TensorRT reads no newer one.",
)  # fmt: skip

FOLDER, GRAPH = "exported", "model.onnx"
LEAST_OPSET = 18
"""Source: torch.onnx.export(dynamo=True) of PyTorch 2.13."""
USUAL_LABELS = 2
"""Labels of a classifier whose config.json names none. Source: transformers, PretrainedConfig.num_labels."""


class Export(Section):
    """ONNX from the checkpoint, by a step of the build."""

    pooling: Annotated[
        Literal["mean", "cls", "last"], doc("How the vectors of an embedder's tokens become one, as it was trained.")
    ] = "mean"
    normalize: Annotated[bool, doc("Whether an embedder's vector is brought to length 1.")] = True
    opset: Annotated[Count, doc("Version of ONNX's operators.")] = 20


def exported(network: Network, export: Export) -> Network:
    """The network with the inputs and outputs that the export will give it."""
    return replace(network, facts=_facts(network.facts, network.task, export.opset))


def _facts(facts: Facts, task: str, opset: int) -> Facts:
    names = ("input_ids", "attention_mask", *(("token_type_ids",) if facts.token_types > 1 else ()))
    vector = Tensor("sentence_embedding", "float32", ("batch", facts.hidden_size))
    labels = Tensor("logits", "float32", ("batch", facts.labels or USUAL_LABELS))
    return replace(
        facts,
        opset=opset,
        inputs=tuple(Tensor(name, "int64", ("batch", "sequence")) for name in names),
        outputs=(vector if task == "embed" else labels,),
    )


def check_export(network: Network, export: Export, known: Known, report: Report) -> bool:
    """Say what keeps the checkpoint from being exported; False if anything does."""
    if network.facts.inputs or not network.facts.hidden_size:
        hint = "put its `config.json` into the model's `metadata` folder, or remove `export`"
        report.say(NOT_A_CHECKPOINT, (*network.at, "metadata"), model=network.name, help=hint)
        return False
    highest = int(known.release.pins.get("opset", export.opset))
    if not LEAST_OPSET <= export.opset <= highest:
        at, hint = (*network.at, "engine", "export", "opset"), f"write `opset: {min(20, highest)}`"
        report.say(OLD_OPSET, at, opset=export.opset, least=LEAST_OPSET, highest=highest, help=hint)
    return True


def export_step(task: str, export: Export) -> Step:
    pooling = ("--pooling", export.pooling, *(("--normalize",) if export.normalize else ())) if task == "embed" else ()
    output = f"{FOLDER}/{GRAPH}"
    return Step(
        name="export",
        purpose="export the checkpoint to ONNX, and hold the graph against it",
        lane="cpu",
        argv=(
            "python3", "tools/export_onnx.py",
            "--model", "source",
            "--output", output,
            "--task", task,
            *pooling,
            "--opset", str(export.opset),
        ),
        inputs=("source/config.json",),
        outputs=(output,),
    )  # fmt: skip
