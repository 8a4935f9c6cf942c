"""Text from a spec made fit for a terminal: nothing in it can move the cursor, and columns are counted as shown."""

from __future__ import annotations

import unicodedata


def shown(character: str) -> str:
    """A character as it may be printed: what a terminal would act on becomes a visible stand-in."""
    if character == "\t":
        return "    "
    category = unicodedata.category(character)
    return "\N{REPLACEMENT CHARACTER}" if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else character


def safe(text: str) -> str:
    """One line of text for a terminal or a log."""
    return "".join("    " if each == "\t" else shown(" " if each in "\r\n" else each) for each in text)


def width(text: str) -> int:
    """Columns that `text`, already safe, takes on a terminal."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Me":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
