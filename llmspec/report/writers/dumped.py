"""Data as JSON that is safe to print: ASCII alone, no control characters, nothing a strict reader refuses."""

from __future__ import annotations

import json
import re
from typing import Any

# ensure_ascii lets DEL through, and writes a lone surrogate as an escape that strict readers refuse.
_DEL = "\x7f"
_LONE = re.compile(r"[\ud800-\udfff]")


def dumped(data: Any) -> str:
    """Indented, in the order given, with a line break at the end."""
    return json.dumps(_clean(data), indent=2).replace(_DEL, "\\u007f") + "\n"


def _clean(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _clean(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_clean(value) for value in data]
    return _LONE.sub("\ufffd", data) if isinstance(data, str) and not data.isascii() else data
