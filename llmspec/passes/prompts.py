"""Prompt files read into values: the layout of GitHub Models, with `version` and `inputs`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from msgspec import Struct

from llmspec.artifacts.folder import Folder, Unreadable
from llmspec.part import Section
from llmspec.passes.load import load
from llmspec.report.code import Code
from llmspec.report.nearest import did_you_mean
from llmspec.report.place import Source, Span, top
from llmspec.report.report import Report
from llmspec.scalars import Version, doc
from llmspec.spec.prompts import Prompt
from llmspec.syntax.node import Mapping, Node, Scalar, Sequence, locate
from llmspec.syntax.parse import UNREADABLE, decode, parse

UNKNOWN_VARIABLE = Code(
    "LS321", "unknown-prompt-variable", "`{{{{{name}}}}}` is no input of this prompt",
    why="A variable that is not declared is rendered as nothing, and the model answers without what it was to be told.",
)  # fmt: skip
UNUSED_INPUT = Code(
    "LS322", "unused-prompt-input", "the input `{name}` is used in no message",
    why="Callers must supply an input that has no effect; most often the variable in the text is misspelt.",
)  # fmt: skip
WRONG_VERSION = Code(
    "LS323", "prompt-version", "llm.yaml wants `{name}` at {wanted}, and the file is {found}",
    why="The version in llm.yaml is what the release is known by; the one in the file is what was written. If they "
    "differ, one of the two was forgotten.",
)  # fmt: skip

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


class Input(Section):
    """A variable of a prompt."""

    type: Annotated[Literal["string", "integer", "number", "boolean", "array", "object"], doc("JSON type.")] = "string"
    description: Annotated[str, doc("What to put in.")] = ""
    required: Annotated[bool, doc("Whether a caller must supply it.")] = True
    default: Annotated[Any, doc("Value when it is not supplied.")] = None


class Message(Section):
    """One message."""

    role: Annotated[Literal["system", "user", "assistant"], doc("Who speaks.")]
    content: Annotated[str, doc("The text, with `{{name}}` where an input goes.")]


class PromptFile(Section, kw_only=True):
    """A prompt file."""

    name: Annotated[str, doc("Name of the prompt.")]
    description: Annotated[str, doc("What it is for.")] = ""
    version: Annotated[Version, doc("Semantic version of this text.")]
    model: Annotated[str, doc("The model that it is written for.")] = ""
    model_parameters: Annotated[dict[str, Any], doc("Sampling parameters.")] = {}
    inputs: Annotated[dict[str, Input], doc("Variables.")] = {}
    messages: Annotated[tuple[Message, ...], doc("The messages.")]
    response_format: Annotated[str | None, doc("`text`, `json_object` or `json_schema`.")] = None
    json_schema: Annotated[Any, doc("Schema of the answer.")] = None
    test_data: Annotated[Any, doc("Examples.")] = None
    evaluators: Annotated[Any, doc("Checks on the examples.")] = None
    tools: Annotated[Any, doc("Tools that the model may call.")] = None


class ReadPrompt(Struct, frozen=True):
    """A prompt of llm.yaml with its file: where the text came from, and what it says."""

    prompt: Prompt
    file: PromptFile
    text: str


def read_prompt(prompt: Prompt, folder: Folder, report: Report) -> ReadPrompt | None:
    """The prompt's file, checked; None with the reasons in the report."""
    try:
        data = folder.read(prompt.file)
    except Unreadable as error:
        report.say(UNREADABLE, ("prompts", prompt.name, "file"), problem=str(error))
        return None
    source = decode(folder.shown(prompt.file), data, report)
    node = parse(source, report) if source else None
    if source is None or not isinstance(node, Mapping):
        return None
    view = report.within(lambda path: locate(node, path) if path else top(source))
    file = load(node, PromptFile, view)
    if file is None:
        return None
    _check_version(prompt, file, node, report)
    _check_variables(file, node, view)
    return ReadPrompt(prompt, file, source.text)


def _check_version(prompt: Prompt, file: PromptFile, node: Node, report: Report) -> None:
    if prompt.version != file.version:
        report.say(
            WRONG_VERSION,
            ("prompts", prompt.name, "version"),
            name=prompt.name,
            wanted=prompt.version,
            found=file.version,
            also=[(locate(node, ("version",)), "the file's version")],
            help=f"write `version: {file.version}` in llm.yaml, or bump the file",
        )


def _check_variables(file: PromptFile, node: Mapping, report: Report) -> None:
    used = set()
    for name, span in variables(node):
        used.add(name)
        if name not in file.inputs:
            report.say(UNKNOWN_VARIABLE, span, name=name, help=did_you_mean(name, file.inputs))
    for name in sorted(set(file.inputs) - used):
        report.say(UNUSED_INPUT, ("inputs", name), name=name, help="use it in a message, or remove it")


def variables(node: Mapping) -> Iterator[tuple[str, Span]]:
    """Variables of the messages, each with the place that it is written at."""
    messages = node.get("messages")
    for message in messages.items if isinstance(messages, Sequence) else ():
        content = message.get("content") if isinstance(message, Mapping) else None
        if isinstance(content, Scalar):
            for found in _VARIABLE.finditer(content.text):
                yield found[1], _place(content.span, found[0])


def _place(content: Span, written: str) -> Span:
    """Where `written` stands in the lines of `content`; YAML's folding moves text about, so it is looked for."""
    source: Source = content.source
    for line in range(content.line, content.end_line + 1):
        column = source.line(line).find(written, content.column - 1 if line == content.line else 0)
        if column >= 0:
            return Span(source, line, column + 1, line, column + 1 + len(written))
    return content
