"""Did you mean."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, among: Iterable[str]) -> str | None:
    """The name in `among` closest to `word`, whatever its case, or None when none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - 8 ms that only an error costs

    names = {name.lower(): name for name in sorted(among)}
    near = get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return names[near[0]] if near else None


def did_you_mean(word: str, among: Iterable[str]) -> str:
    """A help line: what `word` begins, or else the nearest name, or all of them when they are few."""
    names = sorted(among)
    begun = [name for name in names if word and name.startswith(f"{word}-")]
    near = begun[:4] or [name for name in (nearest(word, names),) if name]
    if near:
        return f"did you mean {' or '.join(f'`{name}`' for name in near)}?"
    listed = ", ".join(f"`{name}`" for name in names)
    return f"there is only {listed}" if len(names) == 1 else f"one of {listed}" if 0 < len(names) <= 12 else ""  # noqa: PLR2004
