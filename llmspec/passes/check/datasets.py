"""Every row of a dataset is JSON, and has the variables of the prompt that it is for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import islice

import msgspec

from llmspec.passes.prompts import PromptFile
from llmspec.passes.resolve import Resolved
from llmspec.report.code import Code
from llmspec.report.nearest import did_you_mean
from llmspec.report.place import Source, Span
from llmspec.report.report import Report

BAD_ROW = Code(
    "LS339", "malformed-row", "row {number} is no JSON object: {problem}",
    why="A dataset is JSON Lines: one object a line. A row that cannot be read would silently not be tested.",
)  # fmt: skip
ROW_WITHOUT_INPUT = Code(
    "LS340", "row-without-input", "row {number} has no `{name}`, which the prompt `{prompt}` needs",
    why="The prompt would be rendered with a hole, and the test would measure something that never happens.",
)  # fmt: skip
ROW_UNKNOWN_INPUT = Code(
    "LS341", "row-with-unknown-input", "row {number} has `{name}`, which is no input of the prompt `{prompt}`",
    why="A value that the prompt does not take in has no effect; most often a variable was renamed.",
)  # fmt: skip
NO_ROWS = Code(
    "LS342", "empty-dataset", "this dataset has no rows",
    why="A test without rows cannot fail.",
)  # fmt: skip

MOST = 10
"""Findings about one dataset; a mistake in a hundred rows is one mistake."""


def check(resolved: Resolved, report: Report) -> None:
    files = {each.prompt.name: each.file for each in resolved.prompts}
    for dataset in resolved.spec.tests.datasets:
        shown, data = resolved.rows[dataset.name]
        prompt = next((file for name, file in files.items() if name == dataset.prompt), None)
        if not data.strip():
            report.say(NO_ROWS, ("tests", "datasets", dataset.name, "file"), help="add rows, or remove the dataset")
        for fault in islice(_faults(shown, data, prompt), MOST):
            fault(report)


def _faults(shown: str, data: bytes, prompt: PromptFile | None) -> Iterator[Callable[[Report], None]]:
    """What is wrong with the rows, each ready to be said."""
    place = partial(_place, shown, data)
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=dict[str, object])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            say = partial(Report.say, code=BAD_ROW, at=place(number), help="write one JSON object on each line")
            yield partial(say, number=number, problem=str(error))
            continue
        if prompt is not None:
            yield from _against(prompt, row.get("inputs"), number, place)


@lru_cache(maxsize=1)
def _source(shown: str, data: bytes) -> Source:
    """The rows as text whose lines end where rows do: at a line feed, and at nothing else that is one in YAML."""
    text = data.decode("utf-8", "replace")
    return Source(shown, text.translate(dict.fromkeys(map(ord, "\r\x85\u2028\u2029"), " ")))


def _place(shown: str, data: bytes, number: int, key: str = "") -> Span:
    """Where `key` stands in a row; all of the row where it does not."""
    source = _source(shown, data)
    line = source.line(number)
    found = re.search(rf'"{re.escape(key)}"(?=\s*:)', line) if key else None
    start, end = found.span() if found else (0, len(line))
    return Span(source, number, start + 1, number, end + 1)


def _against(
    prompt: PromptFile, inputs: object, number: int, place: Callable[[int, str], Span]
) -> Iterator[Callable[[Report], None]]:
    given = set(inputs) if isinstance(inputs, dict) else set()
    needed = {name for name, each in prompt.inputs.items() if each.required}
    say = partial(Report.say, number=number, prompt=prompt.name)
    for name in sorted(needed - given):
        hint = f'add `"{name}"` to the row\'s `inputs`'
        yield partial(say, code=ROW_WITHOUT_INPUT, at=place(number, "inputs"), name=name, help=hint)
    for name in sorted(given - set(prompt.inputs)):
        hint = did_you_mean(name, prompt.inputs)
        yield partial(say, code=ROW_UNKNOWN_INPUT, at=place(number, name), name=name, help=hint)
