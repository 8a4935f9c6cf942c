"""Data as JSON that is safe to print: ASCII alone, no control characters, nothing a strict reader refuses."""

from __future__ import annotations

import json
from typing import Any

from llmspec.report.writers.visible import encodable


def dumped(data: Any) -> str:
    """Indented, in the order given, with a line break at the end."""
    return json.dumps(_clean(data), indent=2) + "\n"


def _clean(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _clean(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_clean(value) for value in data]
    return encodable(data) if isinstance(data, str) else data
