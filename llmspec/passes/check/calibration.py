"""Calibration texts can be read, and there are as many as are asked for."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from llmspec.passes.networks import calibration_rows
from llmspec.passes.resolve import Resolved, ResolvedModel
from llmspec.report.code import Code
from llmspec.report.place import Source, Span
from llmspec.report.report import Report

NO_TEXT = Code(
    "LS312", "calibration-row-without-text", "row {number} is no text to calibrate with: {problem}",
    why="Ranges are measured on what is in `text`, `prompt` or `messages`. A row without them would be left out, and "
    "the job fails on one that is no JSON.",
)  # fmt: skip
FEW_ROWS = Code(
    "LS313", "few-calibration-rows", "the file has {rows} rows, and `samples` is {samples}",
    why="Scales that are measured on fewer texts than was planned for are worse than one believes.",
)  # fmt: skip

KEYS = ("text", "prompt", "messages")
MOST = 10
"""Findings about one file; a mistake in a hundred rows is one mistake."""


def check(resolved: Resolved, report: Report) -> None:
    for each in resolved.models:
        asked = each.model.quantization.calibration
        if asked is None:
            continue
        rows = calibration_rows(each)
        if len(rows) < asked.samples:
            at = (*each.at, "quantization", "calibration", "samples")
            hint = f"write `samples: {len(rows)}`, or add rows" if rows else "add rows"
            report.say(FEW_ROWS, at, rows=len(rows), samples=asked.samples, help=hint)
        for number, problem in list(_faults(rows))[:MOST]:
            hint = "write `text`, `prompt`, or `messages` with `role` and `content`"
            report.say(NO_TEXT, _place(each, number), number=number, problem=problem, help=hint)


def _faults(rows: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for number, line in rows:
        if problem := _problem(line):
            yield number, problem


def _problem(line: str) -> str:
    """What keeps a row from being a text; empty if nothing does."""
    try:
        row = msgspec.json.decode(line, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError) as error:
        return f"it is no JSON object: {error}"
    found = next((row[key] for key in KEYS if key in row), None)
    if isinstance(found, str):
        return "" if found.strip() else "its text is empty"
    if isinstance(found, list) and found and all(_is_message(each) for each in found):
        return ""
    return f"it has none of {', '.join(f'`{key}`' for key in KEYS)}" if found is None else "its text has another form"


def _is_message(message: object) -> bool:
    return isinstance(message, dict) and all(isinstance(message.get(key), str) for key in ("role", "content"))


def _place(each: ResolvedModel, number: int) -> Span:
    shown, text = each.calibration
    source = Source(shown, text)
    return Span(source, number, 1, number, len(source.line(number)) + 1)
