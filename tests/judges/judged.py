"""Generated files and the tools that judge them."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "generated"
BIN = Path(sys.executable).parent
"""Where pip puts the judges: beside the Python that runs the tests."""


def files(pattern):
    """A parameter for each generated file; none at all is a mistake in the test."""
    found = sorted(path for path in GENERATED.rglob(pattern) if path.is_file())
    assert found, f"generated/ has no {pattern}: make generated"
    return [pytest.param(path, id=path.relative_to(GENERATED).as_posix()) for path in found]


def distinct(pattern):
    """`files` without those that have the same bytes as one before."""
    return list({each.values[0].read_bytes(): each for each in reversed(files(pattern))}.values())


def run(*argv, **options):
    """The output of a command together with its status, as a judge gives them."""
    done = subprocess.run(
        [str(each) for each in argv], capture_output=True, text=True, timeout=60, check=False, **options
    )
    return done.returncode, done.stdout + done.stderr


def judge(name, *argv, **options):
    """`run` for a judge that pip installed."""
    return run(BIN / name, *argv, **options)


@cache
def environments():
    """The folders of all environments of all examples."""
    return tuple(sorted(path.parent for path in GENERATED.glob("*/*/kubernetes")))


@cache
def objects(environment):
    """The Kubernetes objects of one environment, in order of path. They are shared: copy before changing one."""
    paths = sorted(path for path in (environment / "kubernetes").rglob("*.yaml") if path.name != "kustomization.yaml")
    return tuple(yaml.safe_load(path.read_text("utf-8")) for path in paths)


def each_environment():
    return [pytest.param(path, id=path.relative_to(GENERATED).as_posix()) for path in environments()]


def object_files():
    """A parameter for each file that holds a Kubernetes object."""
    return [each for each in files("*.yaml") if is_object(each.values[0])]


def is_object(path):
    return "kubernetes" in path.parent.parts and path.name != "kustomization.yaml"
