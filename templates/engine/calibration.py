"""Write what a graph is calibrated with: texts as int64 arrays [samples, length], one for each of its inputs.

    calibration.py --tokenizer tokenizer.json --texts texts.jsonl --output calibration.npz \
        --inputs input_ids,attention_mask --samples 64 --length 128

The first texts of the file in their order, cut and padded to one length. A row has `text` or `prompt`.
"""
# ruff: noqa: BLE001, INP001, T201

import argparse
import json
import sys
from itertools import islice
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

PARTS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
"""Of which part of an encoding each input is made."""


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0], allow_abbrev=False)
    parser.add_argument("--tokenizer", type=Path, required=True, help="the tokenizer.json of the model")
    parser.add_argument("--texts", type=Path, required=True, help="JSON lines with `text` or `prompt`")
    parser.add_argument("--output", type=Path, required=True, help="the .npz file")
    parser.add_argument("--inputs", required=True, help="inputs of the graph, parted by commas: " + ", ".join(PARTS))
    parser.add_argument("--samples", type=int, required=True, help="how many rows are taken, from the first on")
    parser.add_argument("--length", type=int, required=True, help="tokens of each sample")
    chosen = parser.parse_args()
    chosen.inputs = chosen.inputs.split(",")
    if unknown := [name for name in chosen.inputs if name not in PARTS]:
        parser.error(f"no text becomes the input {unknown[0]}; known: {', '.join(PARTS)}")
    if min(chosen.samples, chosen.length) < 1:
        parser.error("--samples and --length must be at least 1")
    return chosen


def text_of(line: str, place: str) -> str:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as problem:
        sys.exit(f"{place}: not JSON: {problem.msg}")
    fields = (row.get(key) for key in ("text", "prompt")) if isinstance(row, dict) else ()
    text = next((field for field in fields if isinstance(field, str) and field), None)
    return text or sys.exit(f"{place}: needs `text` or `prompt` with some text")


def texts_of(path: Path, samples: int) -> list[str]:
    with path.open(encoding="utf-8") as file:
        lines = ((number, line) for number, line in enumerate(file, 1) if line.strip())
        texts = [text_of(line, f"{path}:{number}") for number, line in islice(lines, samples)]
    if len(texts) < samples:
        sys.exit(f"{path}: has {len(texts)} rows, {samples} samples were asked for")
    return texts


def tokenizer_of(path: Path, length: int) -> Tokenizer:
    """Cuts and pads to `length`, with the padding token that the file itself names, if it does."""
    tokenizer = Tokenizer.from_file(str(path))
    padding = tokenizer.padding or {}
    token = padding.get("pad_token") or next(
        (t for t in ("[PAD]", "<pad>") if tokenizer.token_to_id(t) is not None), ""
    )
    kept = {key: padding[key] for key in ("direction", "pad_type_id") if key in padding}
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(length=length, pad_id=tokenizer.token_to_id(token) or 0, pad_token=token, **kept)
    return tokenizer


def main() -> None:
    chosen = options()
    try:
        texts = texts_of(chosen.texts, chosen.samples)
    except (OSError, UnicodeDecodeError) as problem:
        sys.exit(f"{chosen.texts}: {problem}")
    try:
        tokenizer = tokenizer_of(chosen.tokenizer, chosen.length)
    except Exception as problem:  # the library raises no narrower one
        sys.exit(f"{chosen.tokenizer}: {problem}")
    encodings = tokenizer.encode_batch(texts)
    arrays = {name: np.array([getattr(each, PARTS[name]) for each in encodings], np.int64) for name in chosen.inputs}
    partial = chosen.output.with_name(f"{chosen.output.name}.partial")
    with partial.open("wb") as file:
        np.savez(file, **arrays)
    partial.replace(chosen.output)
    tokens = sum(sum(each.attention_mask) for each in encodings)
    print(f"{chosen.output}: {len(texts)} samples of {chosen.length}, {tokens} tokens, {', '.join(arrays)}")


if __name__ == "__main__":
    main()
