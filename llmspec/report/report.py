"""The report that every pass writes into: all findings of one run, each at its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from llmspec.report.code import Code
from llmspec.report.diagnostic import Diagnostic, Label
from llmspec.report.place import Path, Source, Span, top

Locate = Callable[[Path], Span]


class Failed(Exception):
    """A step found errors, so the line stops. The one exception that crosses the line; the report has the reasons."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"{len(report.errors)} errors")
        self.report = report


class Report:
    """Collects diagnostics. `within` gives a view that knows where a path lies and which environment is compiled."""

    def __init__(self, source: Source) -> None:
        self._found: dict[Diagnostic, list[str]] = {}
        self._locate: Locate = lambda _: top(source)
        self._environment = ""
        self._faults = [0]
        self.environments: list[str] = []
        """All environments of the spec, as far as they are known: a finding that holds in all is tied to none."""

    def within(self, locate: Locate, environment: str = "") -> Report:
        """The same report, with `locate` to turn paths into places and an environment to name."""
        view = Report.__new__(Report)
        view._found, view._locate, view._environment = self._found, locate, environment  # noqa: SLF001
        view.environments, view._faults = self.environments, self._faults  # noqa: SLF001
        return view

    def say(
        self,
        code: Code,
        at: Path | Span,
        *,
        help: str = "",  # noqa: A002
        note: str = "",
        also: Iterable[tuple[Path | Span, str]] = (),
        **facts: object,
    ) -> None:
        """Record one finding. `facts` fill the code's message; the same finding in two environments is one."""
        labels = tuple(Label(self._span(place), text) for place, text in also)
        said = Diagnostic(code, code.message.format(**facts), self._span(at), note, help, labels)
        environments = self._found.setdefault(said, [])
        self._faults[0] += said.severity == "error"
        if self._environment and self._environment not in environments:
            environments.append(self._environment)

    def _span(self, place: Path | Span) -> Span:
        return place if isinstance(place, Span) else self._locate(place)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """In order of place. A finding that holds in every environment is not tied to any."""
        everywhere = set(self.environments)
        rows = (
            replace(said, environments=() if set(where) >= everywhere else tuple(sorted(where)))
            for said, where in self._found.items()
        )
        return tuple(sorted(rows, key=lambda row: row.order))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(row for row in self._found if row.severity == "error")

    @property
    def faults(self) -> int:
        """How often an error was said: one that two environments have counts twice, unlike in `errors`."""
        return self._faults[0]

    def stop_on_errors(self) -> None:
        """Raise `Failed` if anything said so far is an error."""
        if self.errors:
            raise Failed(self)
