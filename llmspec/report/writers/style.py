"""How a text may look: whether it has colour and how wide it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TextIO

from msgspec import Struct

_INKS: Final = {"error": "1;31", "warning": "1;33", "note": "1;36", "frame": "1;34", "strong": "1"}


class Style(Struct, frozen=True):
    """`width` is in columns of a terminal; it bounds lines of source, not words."""

    color: bool = False
    width: int = 100

    def ink(self, what: str, text: str) -> str:
        """`text` in the colour of `what`: a severity, `frame` or `strong`."""
        return f"\x1b[{_INKS.get(what, '1')}m{text}\x1b[0m" if self.color and text else text


def choose_color(flag: str, stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether what goes to `stream` is coloured; standard output and standard error are asked about apart.

    `flag` is `auto`, `always` or `never`. With `auto` the first that has an opinion decides: NO_COLOR, FORCE_COLOR
    (`0` is a no), TERM=dumb, GITHUB_ACTIONS (its log shows colours and is no terminal), the stream.
    """
    if flag != "auto":
        return flag == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return environ["FORCE_COLOR"] != "0"
    if environ.get("TERM") == "dumb":
        return False
    return environ.get("GITHUB_ACTIONS") == "true" or stream.isatty()
