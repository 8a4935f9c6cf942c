"""How large the weights are in another precision."""

from __future__ import annotations

BITS = {
    "fp8": 8.0,
    "int8": 8.0,
    "int8-smoothquant": 8.0,
    "nvfp4": 4.5,
    "mxfp4": 4.25,
    "int4-awq": 4.16,
    "w4a8-awq": 4.16,
    "gptq": 4.16,
}
"""Bits of one weight of a linear layer, scales among them.

Source: NVFP4 has one FP8 scale for 16 weights (4 + 8/16), MXFP4 one of 8 bits for 32 (OCP Microscaling 1.0), 4-bit
integers in groups of 128 have a scale of 16 bits and a zero of 4 (AutoAWQ and GPTQ layouts)."""


def served_bytes(method: str, weight_bytes: int, parameters: int, outside: int) -> int:
    """Bytes of weights that are quantized to `method`, from the bytes and parameters of the checkpoint that is not.

    `outside` are the parameters of embeddings and output head, which keep their precision, as ModelOpt's presets leave
    them; so an estimate, a little high where a model ties the two. Unknown parameters are 0, and taken to be of 16 bit.
    """
    bits = BITS.get(method)
    if bits is None or not weight_bytes:
        return weight_bytes
    if not parameters:
        return int(weight_bytes * bits / 16)
    kept = min(outside, parameters)
    return int(kept * weight_bytes / parameters + (parameters - kept) * bits / 8)
