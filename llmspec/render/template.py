"""Templates to text. Templates take no decisions: values and loops only, and each value is quoted by a filter."""

from __future__ import annotations

import shlex
from functools import cache
from pathlib import Path
from typing import Any

import minijinja


class BreaksOut(ValueError):
    """A value that would end the line it is put into."""


def template_root() -> Path:
    """In a wheel the templates lie inside the package; in a checkout, beside it."""
    package = Path(__file__).parent.parent
    return next(folder for folder in (package / "templates", package.parent / "templates") if folder.is_dir())


def render(name: str, /, **values: Any) -> str:
    """The template `name` filled with `values`. A name that is not given is an error."""
    return _environment().render_template(name, **values)


@cache
def _environment() -> minijinja.Environment:
    root = template_root()
    environment = minijinja.Environment(
        loader=lambda name: (root / name).read_text("utf-8"),
        undefined_behavior="strict",
        auto_escape_callback=lambda _: False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalizer=_one_line,
    )
    for name, function in FILTERS.items():
        environment.add_filter(name, function)
    return environment


def _one_line(value: Any) -> Any:
    """Refuse a value that breaks its line, unless a filter has vouched for it."""
    is_vouched = hasattr(value, "__html__")
    if isinstance(value, str) and not is_vouched and any(each < " " or each == "\x7f" for each in value):
        raise BreaksOut(f"a line break or control character in {value[:40]!r}")
    return NotImplemented


def _shell(value: Any) -> str:
    """One word of a POSIX shell."""
    return shlex.quote(str(value))


def _shell_line(words: list[str]) -> str:
    """A command of a POSIX shell, long ones broken before each option."""
    text = " ".join(shlex.quote(word) for word in words)
    if len(text) < 100:  # noqa: PLR2004
        return text
    lines = [""]
    for word in words:
        if word.startswith("-") and lines[-1]:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + shlex.quote(word)
    return minijinja.safe(" \\\n  ".join(lines))


def _exec(words: list[str]) -> str:
    """The exec form of a Dockerfile instruction: a JSON array."""
    from json import dumps  # noqa: PLC0415

    return dumps(list(words))


def _label(value: Any) -> str:
    """A double-quoted value of a Dockerfile's LABEL or ENV, in which `$` is no variable."""
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{text}"'


def _pbtxt(value: Any) -> str:
    """A string of protobuf's text format."""
    from json import dumps  # noqa: PLC0415

    return dumps(str(value))


def _comment(value: Any) -> str:
    """Text for a comment: one line of printable characters."""
    return "".join(character if character.isprintable() else " " for character in str(value))


def _identifier(value: Any) -> str:
    """A quoted identifier of SQL."""
    return '"' + str(value).replace('"', '""') + '"'


FILTERS = {
    "identifier": _identifier,
    "shell": _shell,
    "shell_line": _shell_line,
    "exec": _exec,
    "label": _label,
    "pbtxt": _pbtxt,
    "comment": _comment,
}
