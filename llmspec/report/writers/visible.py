"""What a terminal may be given: characters that can do nothing but be seen, and the columns they take."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# C0 and DEL have pictures of their own in Unicode; a tab gets the same room wherever it stands.
_ASCII: Final = {
    **{chr(code): chr(code) for code in range(0x20, 0x7F)},
    **{chr(code): chr(0x2400 + code) for code in range(0x20)},
    "\t": "    ",
    "\x7f": "\u2421",
}
# Blank though Unicode calls them letters or marks.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_SELECTORS: Final = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_JAMO: Final = range(0x1160, 0x1200)
# GitHub (`##[error]`) and Azure (`##vso[...]`) take it for a command anywhere in a line of their log.
_COMMAND: Final = re.compile(r"##(?=[A-Za-z]*\[)")


@lru_cache(maxsize=4096)
def cell(char: str) -> str:
    """How one character is shown: itself, a picture, or its number if it is unseen or would act on what is around."""
    if char in _ASCII:
        return _ASCII[char]
    from unicodedata import category  # noqa: PLC0415 - a megabyte that ASCII does not need

    unseen = category(char)[0] in "CZ" or char in _BLANK or any(ord(char) in some for some in _SELECTORS)
    return f"<U+{ord(char):04X}>" if unseen else char


@lru_cache(maxsize=4096)
def width(shown: str) -> int:
    """The columns of what `cell` gave."""
    if shown.isascii():
        return len(shown)
    from unicodedata import category, east_asian_width  # noqa: PLC0415 - see `cell`

    if category(shown) in ("Mn", "Me") or ord(shown) in _JAMO:
        return 0
    return 2 if east_asian_width(shown) in "WF" else 1


def visible(text: str) -> str:
    """`text` on one line, with nothing in it that acts."""
    return inert(text if text.isascii() and text.isprintable() else "".join(map(cell, text)))


def inert(shown: str) -> str:
    """The same, as wide, and no command to a CI runner."""
    return _COMMAND.sub("#\u266f", shown)


def joined(text: str) -> str:
    """The lines of `text` as one, visible."""
    return visible(" ".join(text.splitlines()))


def encodable(text: str) -> str:
    """`text` without lone surrogates, which file names may hold and no UTF can."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
