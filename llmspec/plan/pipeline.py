"""What continuous integration does, in terms of none of its systems."""

from __future__ import annotations

from msgspec import Struct


class Action(Struct, frozen=True, kw_only=True):
    """One step of a job: a shell command (`run`) with its environment, or a published action at a commit (`uses`)."""

    name: str
    run: str = ""
    uses: str = ""
    inputs: tuple[tuple[str, str], ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    only_on_main: bool = False


class PipelineJob(Struct, frozen=True, kw_only=True):
    """`timeout` in minutes; `needs` are job names; `matrix` are build contexts with the reference of
    each: the job runs once for every one.
    """

    name: str
    title: str
    steps: tuple[Action, ...]
    needs: tuple[str, ...] = ()
    timeout: int = 15
    matrix: tuple[tuple[str, str], ...] = ()


class Pipeline(Struct, frozen=True, kw_only=True):
    """`paths` are the globs whose change starts it; `main` is the branch that releases."""

    system: str
    runner: str
    main: str
    paths: tuple[str, ...]
    jobs: tuple[PipelineJob, ...]
    origin: str = ""
