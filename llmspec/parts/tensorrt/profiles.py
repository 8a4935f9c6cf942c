"""Optimization profiles: for each dynamic axis of a graph its least, usual and greatest length."""

from __future__ import annotations

from llmspec.plan.network import Facts, Network
from llmspec.report.code import Code
from llmspec.report.nearest import did_you_mean
from llmspec.report.place import Path
from llmspec.report.report import Report
from llmspec.scalars import Count

AXIS_WITHOUT_RANGE = Code(
    "LS373", "axis-without-range", "this profile gives no range for the dynamic axis `{axis}` of `{tensor}`",
    why="`trtexec` would silently set the axis to 1, and the engine would refuse every real request.",
)  # fmt: skip
UNKNOWN_AXIS = Code(
    "LS374", "unknown-axis", "the graph has no dynamic axis `{axis}`",
    why="A range for an axis that does not exist has no effect.",
)  # fmt: skip
BAD_RANGE = Code(
    "LS375", "not-a-range", "`{axis}` must be three lengths, min ≤ opt ≤ max, not {found}",
    why="An optimization profile has the least, the usual and the greatest length of each axis.",
)  # fmt: skip

Axes = dict[str, tuple[Count, ...]]
Profiles = tuple[Axes, ...]


def dynamic_axes(facts: Facts) -> dict[str, str]:
    """Each dynamic axis of the inputs, and an input that has it."""
    return {axis: each.name for each in facts.inputs for axis in each.shape if isinstance(axis, str)}


def batch_axis(facts: Facts) -> str | None:
    """The dynamic first axis that all inputs share."""
    first = {tensor.shape[0] if tensor.shape else 0 for tensor in facts.inputs}
    only = first.pop() if len(first) == 1 else 0
    return only if isinstance(only, str) else None


def sequence_axis(facts: Facts) -> str | None:
    """The dynamic second axis of the inputs of two axes, where tokens lie."""
    second = {tensor.shape[1] for tensor in facts.inputs if len(tensor.shape) == 2}  # noqa: PLR2004 - batch, sequence
    only = second.pop() if len(second) == 1 else 0
    return only if isinstance(only, str) else None


def lengths(profiles: Profiles, axis: str) -> tuple[int, ...]:
    """Lengths that texts are padded to: the powers of two that lie in a profile, and each profile's own three.

    Requests share a batch only when they have the same shape, so there must be few; the engine has its best kernels at
    the usual length.
    """
    own = {length for profile in profiles for length in profile[axis]}
    low, high = min(own), max(own)
    powers = {2**power for power in range(32) if low < 2**power < high}
    return tuple(sorted(own | powers))


def shapes(profile: Axes, facts: Facts, place: int) -> str:
    """The shapes of all inputs at the least (0), usual (1) or greatest (2) length, as `trtexec` takes them."""
    return ",".join(
        f"{each.name}:" + "x".join(str(size) for size in sizes(profile, each.shape, place)) for each in facts.inputs
    )


def sizes(profile: Axes, shape: tuple[int | str, ...], place: int) -> tuple[int, ...]:
    return tuple(profile[axis][place] if isinstance(axis, str) else axis for axis in shape)


def check_profiles(network: Network, profiles: Profiles, report: Report) -> None:
    """Say what is missing, too much or out of order in the profiles."""
    at, dynamic = (*network.at, "engine", "profiles"), dynamic_axes(network.facts)
    for index, profile in enumerate(profiles or ({},)):
        for axis in sorted(set(dynamic) - set(profile)):
            hint = f"add `{axis}: [min, opt, max]`"
            report.say(AXIS_WITHOUT_RANGE, (*at, index), axis=axis, tensor=dynamic[axis], help=hint)
        for axis, found in profile.items():
            _check_range((*at, index, axis), axis, found, dynamic, report)


def _check_range(at: Path, axis: str, found: tuple[int, ...], dynamic: dict[str, str], report: Report) -> None:
    if axis not in dynamic:
        report.say(UNKNOWN_AXIS, at, axis=axis, help=did_you_mean(axis, dynamic))
    elif len(found) != 3 or sorted(found) != list(found):  # noqa: PLR2004 - min, opt, max
        report.say(BAD_RANGE, at, axis=axis, found=list(found), help="for instance `[1, 16, 64]`")
