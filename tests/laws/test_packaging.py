"""A wheel and a checkout find the same files, and make the same bytes."""

import shutil
import site
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOW = """
from llmspec.catalog import tables
from llmspec.cli.manual import page_root
from llmspec.render.template import template_root
for root in (template_root(), page_root(), __import__("pathlib").Path(tables.__file__).parent):
    print(root)
"""


def run(*arguments, cwd=None, **env):
    done = subprocess.run(
        [*map(str, arguments)], cwd=cwd, env={"PATH": "", "LLMSPEC_NO_STAMP": "1", **env}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of an environment that has the wheel, and the libraries of this one."""
    folder = tmp_path_factory.mktemp("packaging")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--isolated")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, ROOT, HOME=str(folder))
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", symlinks=True)
    own = Path(sysconfig.get_path("purelib", "venv", {"base": folder / "venv", "installed_base": folder / "venv"}))
    run(*pip, "install", "--no-deps", "--no-index", "--target", own, wheel, HOME=str(folder))
    # Behind the wheel on the path, and without the finder of the checkout, which is a .pth there.
    (own / "libraries.pth").write_text("\n".join(site.getsitepackages()), "utf-8")
    return folder / "venv" / "bin" / "python"


def files(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in Path(root).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_wheel_and_checkout_find_the_same_files(python, tmp_path):
    """Templates, manual pages, and the catalogue."""
    installed, ours = (run(each, "-c", SHOW, cwd=tmp_path).splitlines() for each in (python, sys.executable))
    assert all(str(python.parents[1]) in each for each in installed), installed
    assert ours == [str(ROOT / "templates"), str(ROOT / "docs" / "codes"), str(ROOT / "llmspec" / "catalog")]
    for one, other in zip(installed, ours, strict=True):
        assert files(one) == files(other) != {}


def test_the_wheel_compiles_to_the_same_bytes(python, tmp_path):
    spec = shutil.copytree(ROOT / "specs" / "minimal", tmp_path / "minimal")
    trees = []
    for each in (python, sys.executable):
        run(
            each,
            "-m",
            "llmspec",
            "compile",
            "-o",
            tmp_path / each.name if each is python else tmp_path / "ours",
            cwd=spec,
        )
        trees.append(files(tmp_path / (each.name if each is python else "ours")))
    assert trees[0] == trees[1] != {}


def test_the_wheel_explains(python, tmp_path):
    assert run(python, "-m", "llmspec", "explain", "LS202", cwd=tmp_path).startswith("# LS202 unknown-kind\n")


def test_the_wheel_holds_nothing_else(python):
    """No tests, no examples, nothing of an editor's."""
    package = next((python.parents[1] / "lib").glob("python*/site-packages/llmspec"))
    assert {path.name for path in package.iterdir() if path.is_dir()} >= {"templates", "pages", "catalog"}
    beside = {path.name.partition("-")[0] for path in package.parent.iterdir()}
    assert beside <= {"llmspec", "bin", "libraries.pth", "__pycache__"}
