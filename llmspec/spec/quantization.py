"""`models[].quantization`: one vocabulary for all engines."""

from __future__ import annotations

from typing import Annotated, Literal

from llmspec.part import Section
from llmspec.scalars import Count, Line, RelativePath, Tokens, doc


class Calibration(Section):
    """Real requests, from which the ranges of activations are measured."""

    file: Annotated[
        RelativePath, doc("JSON Lines; each row has `text`, `prompt`, or `messages`. The lock pins its digest.")
    ]
    samples: Annotated[Count, doc("Rows that are used, from the first.")] = 512
    max_length: Annotated[Tokens, doc("Tokens of a row that are used.")] = 512


class Quantization(Section):
    """What weights and KV cache are stored and computed in."""

    method: Annotated[
        Literal["none", "fp8", "nvfp4", "mxfp4", "int8", "int8-smoothquant", "int4-awq", "w4a8-awq", "gptq"] | None,
        doc(
            "Precision of the weights. A checkpoint that has it is served as it is; another is quantized by a job, "
            "which needs `calibration`. Default: what the checkpoint has."
        ),
    ] = None
    kv_cache: Annotated[
        Literal["auto", "fp8", "fp8-cast", "nvfp4"],
        doc(
            "Precision of the KV cache. `fp8` needs the scales of a calibrated checkpoint; `fp8-cast` takes all scales "
            "to be 1."
        ),
    ] = "auto"
    exclude: Annotated[
        tuple[Line, ...], doc("Regular expressions of the nodes of an ONNX graph that are not quantized.")
    ] = ()
    calibration: Annotated[Calibration | None, doc("What the quantizing job calibrates with.")] = None
