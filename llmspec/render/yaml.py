"""Data to YAML: the same bytes for the same data, read back equal by YAML 1.1 and 1.2 readers alike."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final

HEADER: Final = "# Made by llmspec from llm.yaml. Do not edit: change llm.yaml and compile.\n"

# Plain only where no reader, 1.1 or 1.2, could see anything but text: no sign, digit or dot at the start, no indicator.
_PLAIN: Final = re.compile(
    r"[A-Za-z_/][A-Za-z0-9_./@$%()=-]*(:[A-Za-z0-9_./@$%()=-]+)*( [A-Za-z0-9_./()-][A-Za-z0-9_./@$%()=-]*)*"
)
_WORDS: Final = frozenset(["y", "n", "yes", "no", "true", "false", "on", "off", "null", "nan", "inf"])
_ALSO_PLAIN: Final = re.compile(
    r"[0-9]+[.][0-9]+[.][0-9]+|[0-9]+(Ki|Mi|Gi|Ti|m|s)|--?[a-z][a-z0-9-]*(=[A-Za-z0-9_./-]+)?"
)
_BLOCK: Final = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\r\t]*")


class Commented(str):
    """A string with a comment behind it, such as the tag that a commit stands for."""

    __slots__ = ("comment",)
    comment: str

    def __new__(cls, text: str, comment: str) -> Commented:
        made = super().__new__(cls, text)
        made.comment = "".join(each for each in comment if each.isprintable())
        return made


def dump(data: Any, header: str = HEADER) -> str:
    """One YAML document. Mappings keep their order; what is unordered must be sorted by whoever made it."""
    if isinstance(data, (dict, list, tuple)) and data:
        return header + "".join(_block(data, 0))
    return f"{header}{_inline(data, 0)}\n"


def _block(data: dict[str, Any] | list[Any] | tuple[Any, ...], depth: int) -> Iterator[str]:
    """Lines of a collection that is not empty, each with its line break."""
    pad = "  " * depth
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _entry(f"{pad}{_string(str(key))}:", value, depth)
        return
    for item in data:
        if isinstance(item, (dict, list, tuple)) and item:
            lines = "".join(_block(item, depth + 1))
            yield f"{pad}- {lines[len(pad) + 2 :]}"
        else:
            yield f"{pad}- {_inline(item, depth)}\n"


def _entry(head: str, value: Any, depth: int) -> Iterator[str]:
    if (isinstance(value, dict) and value) or (isinstance(value, (list, tuple)) and value):
        yield f"{head}\n"
        yield from _block(value, depth + 1)
    else:
        yield f"{head} {_inline(value, depth)}\n"


def _inline(value: Any, depth: int) -> str:  # noqa: PLR0911 - a table as ifs
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Commented):
        return f"{_string(value)} # {value.comment}"
    if isinstance(value, str):
        return _literal(value, depth + 1) if _is_block(value) else _string(value)
    if isinstance(value, (dict, list, tuple)):
        return "{}" if isinstance(value, dict) else "[]"
    raise TypeError(f"{type(value).__name__} has no form in YAML")


def _float(value: float) -> str:
    """With a dot in any case: YAML 1.1 takes `1e-07` for text."""
    if math.isfinite(value):
        mantissa, mark, exponent = repr(float(value)).partition("e")
        return mantissa + (".0" if mark and "." not in mantissa else "") + mark + exponent
    return ".nan" if math.isnan(value) else "-.inf"[value > 0 :]


def _is_block(text: str) -> bool:
    """Whether a text of several lines can stand as it is, without escapes, and be read back equal."""
    if "\n" not in text.rstrip("\n") or not _BLOCK.fullmatch(text) or text.endswith("\n\n"):
        return False
    return not text.startswith((" ", "\n")) and not any(line != line.rstrip(" ") for line in text.split("\n"))


def _literal(text: str, depth: int) -> str:
    pad = "  " * depth
    lines = text.removesuffix("\n").split("\n")
    return ("|" if text.endswith("\n") else "|-") + "".join(f"\n{pad}{line}" if line else "\n" for line in lines)


def _string(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    if is_plain or _ALSO_PLAIN.fullmatch(text):
        return text
    return f"'{text}'" if '"' in text and "'" not in text and text.isprintable() else _quoted(text)


def _quoted(text: str) -> str:
    """Double-quoted, with the escapes that JSON and YAML share."""
    from json import dumps  # noqa: PLC0415

    escaped = dumps(text, ensure_ascii=not text.isprintable())
    return re.sub(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", _pair, escaped)


def _pair(match: re.Match[str]) -> str:
    """JSON's surrogate pair as the one code point that YAML wants."""
    high, low = int(match[1], 16), int(match[2], 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"
