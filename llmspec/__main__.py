"""The way in. Answers what needs no compiler, before anything that is slow to load is loaded."""

import sys

from llmspec import __version__
from llmspec.artifacts.stamp import fresh


def main() -> int | None:
    """Run the command line of this process; returns its exit status."""
    argv = sys.argv[1:]
    if argv == ["--version"]:
        sys.stdout.write(f"llmspec {__version__}\n")
        return 0
    if argv[:1] in (["compile"], ["check"]) and (message := fresh(argv)) is not None:
        sys.stderr.write(f"{message}\n" if message else "")
        return 0
    from llmspec.cli import run  # noqa: PLC0415 - click alone takes longer than all of the above

    run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
