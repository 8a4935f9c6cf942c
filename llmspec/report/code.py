"""Codes: each kind of finding is declared once, beside the pass that says it, together with its manual."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

CODES: Final[dict[str, Code]] = {}
"""Every declared code by its number; filled by the declarations themselves."""

STAGES: Final = {"1": "syntax", "2": "language", "3": "resolve", "4": "plan", "5": "emit", "9": "installation"}


class Code(Struct, frozen=True):
    """One kind of finding.

    `id` is `LS` and three digits, the first of which names the stage; `name` is the pattern that is found, not its
    cure; `message` is a format string filled with the facts of one finding; `why` is the manual page's reason.
    """

    id: str
    name: str
    message: str
    why: str
    severity: Literal["error", "warning"] = "error"

    def __post_init__(self) -> None:
        if self.id in CODES and CODES[self.id] != self:
            raise ValueError(f"{self.id} is declared twice: {CODES[self.id].name} and {self.name}")
        CODES[self.id] = self

    @property
    def stage(self) -> str:
        return STAGES[self.id[2]]
