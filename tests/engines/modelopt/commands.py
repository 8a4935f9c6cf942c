"""Commands as a build step would run them, with the Python of this environment."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SCRIPTS = ROOT / "templates" / "engine"


def run(*argv, cwd=None):
    """Exit status, and all that was said."""
    words = [sys.executable if word == "python3" else str(word) for word in argv]
    # Two threads on two busy cores wait for each other: AWQ takes half a minute then, not a second.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        words,
        cwd=cwd,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
    )
    return done.returncode, done.stdout


def script(name, *argv, cwd=None):
    return run("python3", SCRIPTS / name, *argv, cwd=cwd)
