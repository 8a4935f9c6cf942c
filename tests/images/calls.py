"""Programs that are called for an image, and what is said where one fails."""

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CONFINED = (
    "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--security-opt", "no-new-privileges",
    "--network", "none", "--no-healthcheck", "--mount", "type=tmpfs,destination=/scratch,tmpfs-mode=1777",
)  # fmt: skip


class Failed(Exception):
    """What is wrong with an image, in a sentence, with what its programs said."""


def run(*argv: str | Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [str(arg) for arg in argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise Failed(f"{argv[0]} {argv[1]} was not done after {timeout:.0f} s") from expired


def need(*argv: str | Path) -> str:
    done = run(*argv)
    if done.returncode:
        raise Failed(f"{argv[0]} {argv[1]} failed:\n{tail(done.stdout)}")
    return done.stdout


def tail(text: str, lines: int = 15) -> str:
    return "\n".join(f"      {line}" for line in text.rstrip().splitlines()[-lines:])


@contextmanager
def mounted(image: str) -> Any:
    try:
        yield Path(need("podman", "image", "mount", image).strip())
    finally:
        run("podman", "image", "unmount", image)
