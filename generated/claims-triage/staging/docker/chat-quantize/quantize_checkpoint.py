"""Quantize a checkpoint after training, with NVIDIA ModelOpt, into a checkpoint that vLLM and TensorRT-LLM load.

    quantize_checkpoint.py --model DIR --output DIR --recipe general/ptq/fp8_default-kv_fp8_cast \
        --calibration FILE.jsonl --samples 512 --sequence 2048 --batch-size 8 --device cuda \
        --expect-algorithm FP8 --expect-kv-cache FP8

Instead of a recipe, which decides about weights and KV cache at once, `--format NAME --kv-cache NAME` joins one preset
for each. A row of the calibration file has `text`, `prompt` or `messages`. The folder is there complete, or not at all.

Exit status: 0 done, 1 failed, 2 wrong use, 3 no GPU.
"""
# ruff: noqa: BLE001, INP001, PLC0415, T201

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

# Before the libraries are imported: nothing is fetched, and tokenizers have no reason to warn of forks.
os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

NO_GPU = 3
COPIED = {".json", ".jinja", ".md", ".model", ".py", ".tiktoken", ".txt"}
"""Files beside the weights that are handed on as they are: tokenizer, chat template, code, terms of use."""
NAMED = ("LICENSE", "NOTICE")


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str, status: int = 1) -> NoReturn:
    print(text, file=sys.stderr)
    sys.exit(status)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0], allow_abbrev=False)
    parser.add_argument("--model", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--output", type=Path, required=True, help="folder to make, or an empty one")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--recipe", help="a PTQ recipe of ModelOpt; it says what becomes of the KV cache, too")
    what.add_argument("--format", help="a preset of ModelOpt for the weights, such as int4_awq")
    parser.add_argument("--kv-cache", default="none", help="with --format: a preset for the KV cache, or none")
    parser.add_argument("--calibration", type=Path, required=True, help="JSON lines")
    parser.add_argument("--samples", type=int, required=True, help="how many rows are taken, from the first on")
    parser.add_argument("--sequence", type=int, required=True, help="tokens of a row at most")
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--device", choices=("cuda", "cpu"), required=True)
    parser.add_argument("--trust-remote-code", action="store_true", help="run code that lies in the checkpoint")
    parser.add_argument("--expect-algorithm", required=True, help="quant_algo that must come out, such as FP8")
    parser.add_argument("--expect-kv-cache", required=True, help="kv_cache_quant_algo that must come out, or none")
    chosen = parser.parse_args()
    if chosen.recipe and chosen.kv_cache != "none":
        parser.error("--kv-cache goes with --format: a recipe decides about the KV cache itself")
    if min(chosen.samples, chosen.sequence, chosen.batch_size) < 1:
        parser.error("--samples, --sequence and --batch-size must be at least 1")
    return chosen


def rows_of(path: Path, samples: int) -> list[tuple[str, dict[str, Any]]]:
    """The first rows, each with its place."""
    try:
        with path.open(encoding="utf-8") as file:
            lines = ((f"{path}:{number}", line) for number, line in enumerate(file, 1) if line.strip())
            rows = [(place, row_of(line, place)) for place, line in islice(lines, samples)]
    except (OSError, UnicodeDecodeError) as problem:
        fail(f"{path}: cannot be read: {problem}")
    if len(rows) < samples:
        fail(f"{path}: has {len(rows)} rows, {samples} samples were asked for")
    return rows


def row_of(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as problem:
        fail(f"{place}: not JSON: {problem.msg}")
    fields = row if isinstance(row, dict) else {}
    texts, messages = [fields.get(key) for key in ("text", "prompt")], fields.get("messages")
    if any(isinstance(text, str) and text for text in texts):
        return row
    if isinstance(messages, list) and messages and all(isinstance(each, dict) for each in messages):
        return row
    fail(f"{place}: needs `text` or `prompt` with some text, or `messages`")


def text_of(row: dict[str, Any], place: str, tokenizer: Any) -> str:
    """What the model sees of a row, its special tokens included."""
    for text in (row.get("text"), row.get("prompt")):
        if isinstance(text, str) and text:
            return with_bos(text, tokenizer)
    if not tokenizer.chat_template:
        fail(f"{place}: has `messages`, and the tokenizer has no chat template")
    try:
        return tokenizer.apply_chat_template(row["messages"], tokenize=False)
    except Exception as problem:  # a template may raise anything
        fail(f"{place}: the chat template refuses its `messages`: {problem}")


def with_bos(text: str, tokenizer: Any) -> str:
    """`text` with the beginning token in front if this tokenizer puts one there by itself."""
    bos = tokenizer.bos_token
    starts = bos is not None and tokenizer("x")["input_ids"][:1] == [tokenizer.bos_token_id]
    return f"{bos}{text}" if starts and not text.startswith(bos) else text


def config_of(chosen: argparse.Namespace) -> Any:
    """What ModelOpt is to do, from a recipe or from one preset each for the weights and the KV cache."""
    if chosen.recipe:
        from modelopt.recipe import load_recipe

        try:
            recipe = load_recipe(chosen.recipe)
        except ValueError as problem:
            fail(f"--recipe {chosen.recipe}: {problem}")
        return getattr(recipe, "quantize", None) or fail(f"--recipe {chosen.recipe}: is not for quantization")
    from modelopt.recipe.presets import KV_QUANT_CFG_CHOICES, QUANT_CFG_CHOICES
    from modelopt.torch.quantization import update_quant_cfg_with_kv_cache_quant

    for option, name, known in (
        ("--format", chosen.format, QUANT_CFG_CHOICES),
        ("--kv-cache", chosen.kv_cache, {"none": None, **KV_QUANT_CFG_CHOICES}),
    ):
        if name not in known:
            fail(f"{option} {name}: unknown; known: {', '.join(known)}")
    config = QUANT_CFG_CHOICES[chosen.format]
    if chosen.kv_cache == "none":
        return config
    return update_quant_cfg_with_kv_cache_quant(config, KV_QUANT_CFG_CHOICES[chosen.kv_cache]["quant_cfg"])


def load(chosen: argparse.Namespace) -> tuple[Any, Any]:
    """Model and tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    common = {"trust_remote_code": chosen.trust_remote_code, "local_files_only": True}
    try:
        tokenizer = AutoTokenizer.from_pretrained(chosen.model, padding_side="left", **common)
        where = "auto" if chosen.device == "cuda" else "cpu"
        model = AutoModelForCausalLM.from_pretrained(chosen.model, dtype="auto", device_map=where, **common)
    except Exception as problem:  # a broken checkpoint shows in many ways
        fail(f"{chosen.model}: cannot be loaded: {problem}")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or fail(f"{chosen.model}: its tokenizer can neither pad nor end")
    return model.eval(), tokenizer


def batches(texts: list[str], tokenizer: Any, chosen: argparse.Namespace, device: Any) -> Iterator[Any]:
    for start in range(0, len(texts), chosen.batch_size):
        some = texts[start : start + chosen.batch_size]
        say(f"calibrating with rows {start + 1} to {start + len(some)} of {len(texts)}")
        shape = {"padding": True, "truncation": True, "max_length": chosen.sequence, "add_special_tokens": False}
        yield tokenizer(some, return_tensors="pt", **shape).to(device)


def quantize(model: Any, tokenizer: Any, texts: list[str], config: Any, chosen: argparse.Namespace) -> None:
    import modelopt.torch.quantization as mtq
    import torch

    def calibrate(model: Any) -> None:
        with torch.no_grad():
            for batch in batches(texts, tokenizer, chosen, model.device):
                model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False)

    mtq.quantize(model, config, forward_loop=calibrate)


def export(model: Any, folder: Path, chosen: argparse.Namespace) -> None:
    """Write the checkpoint, and hand on what lies beside the weights."""
    import torch
    from modelopt.torch.export import export_hf_checkpoint

    with torch.inference_mode():
        export_hf_checkpoint(model, export_dir=folder)
    for path in sorted(chosen.model.iterdir()):
        known = path.suffix in COPIED or path.name.startswith(NAMED)
        if path.is_file() and known and not path.name.endswith(".index.json") and not (folder / path.name).exists():
            say(f"copying {path.name}")
            shutil.copyfile(path, folder / path.name)
    for path in folder.iterdir():
        path.chmod(0o644)  # the weights come with 0600, and another user serves them


def verify(folder: Path, chosen: argparse.Namespace) -> None:
    """What came out is what was asked for: an engine picks its kernels by these two words."""
    try:
        made = json.loads((folder / "hf_quant_config.json").read_text(encoding="utf-8"))["quantization"]
    except (OSError, ValueError, KeyError):
        fail("ModelOpt wrote no hf_quant_config.json that can be read")
    for key, expected in (("quant_algo", chosen.expect_algorithm), ("kv_cache_quant_algo", chosen.expect_kv_cache)):
        if (found := made.get(key) or "none") != expected:
            fail(f"ModelOpt wrote {key} {found}, {expected} was expected")
    if not any(folder.glob("*.safetensors")):
        fail("ModelOpt wrote no weights")
    say(f"verified: quant_algo {made['quant_algo']}, kv_cache_quant_algo {made.get('kv_cache_quant_algo') or 'none'}")


def main() -> None:
    chosen = options()
    if chosen.output.is_file() or (chosen.output.is_dir() and any(chosen.output.iterdir())):
        fail(f"{chosen.output}: exists already")
    rows = rows_of(chosen.calibration, chosen.samples)
    import torch

    if chosen.device == "cuda" and not torch.cuda.is_available():
        fail("--device cuda: there is no GPU here that torch can use", NO_GPU)
    torch.manual_seed(0)
    config = config_of(chosen)
    say(f"loading {chosen.model}")
    model, tokenizer = load(chosen)
    texts = [text_of(row, place, tokenizer) for place, row in rows]
    say(f"quantizing with {chosen.recipe or f'{chosen.format}, KV cache {chosen.kv_cache}'}")
    quantize(model, tokenizer, texts, config, chosen)
    partial = chosen.output.with_name(f".{chosen.output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        say(f"writing {partial}")
        export(model, partial, chosen)
        verify(partial, chosen)
        partial.rename(chosen.output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    say(f"{chosen.output} is complete")


if __name__ == "__main__":
    main()
