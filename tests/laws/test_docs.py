"""What is written about llmspec is made from it, or tried."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
BASE = ROOT / "tests" / "cases" / "base"
SCHEMA = json.loads((ROOT / "docs" / "reference" / "llm.schema.json").read_text("utf-8"))
FENCED = re.compile(r"^```yaml\n(apiVersion: llmspec\.dev.*?)^```$", re.MULTILINE | re.DOTALL)


def make(docs, *arguments):
    run = subprocess.run([sys.executable, docs / "make.py", *arguments], capture_output=True, text=True, check=False)
    assert run.stderr == ""
    return run.returncode, run.stdout


def test_what_is_made_is_current():
    assert make(ROOT / "docs", "--check") == (0, ""), "run `make docs`"


def test_what_is_stale_left_over_or_missing_is_named_and_mended(tmp_path):
    docs = shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    (docs / "codes" / "LS101.md").write_text("old", "utf-8")
    (docs / "codes" / "LS000.md").write_text("gone", "utf-8")
    (docs / "reference" / "language.md").unlink()
    paths = ["docs/codes/LS101.md", "docs/reference/language.md", "docs/codes/LS000.md"]
    assert make(docs, "--check") == (1, "".join(f"stale: {path}\n" for path in paths))
    assert make(docs) == (0, "".join(f"written: {path}\n" for path in paths))
    assert make(docs, "--check") == (0, "")


def faults(path):
    return list(jsonschema.Draft7Validator(SCHEMA).iter_errors(yaml.safe_load(path.read_text("utf-8"))))


def test_the_schema_is_one():
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", [*ROOT.glob("specs/*/llm.yaml"), BASE / "llm.yaml"], ids=lambda path: path.parent.name)
def test_the_schema_takes_what_is_right(path):
    assert faults(path) == []


@pytest.mark.parametrize("code", ["LS201", "LS202", "LS203", "LS204", "LS205", "LS206", "LS210", "LS211"])
def test_the_schema_refuses_what_is_wrong(code):
    (path,) = BASE.parent.glob(f"{code}-*/llm.yaml")
    assert faults(path)


@pytest.mark.parametrize(
    "text",
    [
        "models: [{name: chat, scaling: {minReplicas: 3}}, {name: embed, $unset: true}]",
        "serving: {cache: {$unset: true}, hardware: {gpu: h200}}",
        "release: {kind: canary, gateway: {namespace: gateways}}",
        "metadata: {owner: {$unset: true}}",
        "{}",
    ],
)
def test_the_schema_takes_overlays(text):
    spec = yaml.safe_load((BASE / "llm.yaml").read_text("utf-8"))
    spec["environments"] = {"staging": yaml.safe_load(text)}
    jsonschema.Draft7Validator(SCHEMA).validate(spec)


def written_by_hand():
    return sorted(path for path in (*ROOT.glob("docs/**/*.md"), ROOT / "README.md") if path.parent.name != "codes")


def blocks():
    for path in written_by_hand():
        for number, text in enumerate(FENCED.findall(path.read_text("utf-8"))):
            yield pytest.param(text, id=f"{path.relative_to(ROOT)}-{number}")


@pytest.mark.parametrize("text", list(blocks()))
def test_every_spec_in_the_documentation_is_checked(text, tmp_path):
    """With the files of the base beside it, locked: what a reader who copies it would have."""
    folder = shutil.copytree(BASE, tmp_path / "spec")
    (folder / "llm.yaml").write_text(text, "utf-8")
    for arguments in (["lock"], ["check"]):
        run = subprocess.run(
            [sys.executable, "-m", "llmspec", *arguments], cwd=folder, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", written_by_hand(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target
