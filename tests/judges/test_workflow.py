"""The workflow is valid, safe by zizmor's pedantic audits, and its commands do what they say on generated/ itself."""

import os
import re
import shutil

import pytest
import yaml
from judged import BIN, GENERATED, ROOT, files, judge, run

WORKFLOWS = files(".github/workflows/*.yaml")
BAD = """
on: pull_request_target
jobs:
  a:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: echo ${{ github.event.issue.title }}
"""


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / ".github" / "workflows" / "bad.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(BAD)
    return path


def zizmor(path):
    return judge("zizmor", "--offline", "--pedantic", "--no-progress", "--quiet", "--color=never", path)


@pytest.mark.parametrize("path", WORKFLOWS)
def test_zizmor(path):
    status, said = zizmor(path)
    assert (status, "No findings" in said) == (0, True), said


def test_zizmor_would_notice(bad):
    status, said = zizmor(bad)
    assert status != 0
    found = set(re.findall(r"error\[([a-z-]+)\]", said))
    assert {"unpinned-uses", "template-injection", "dangerous-triggers"} <= found


@pytest.mark.parametrize("path", WORKFLOWS)
def test_schema(path):
    assert judge("check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)[0] == 0


def test_schema_would_notice(bad):
    bad.write_text(BAD.replace("runs-on", "run-on"))
    assert judge("check-jsonschema", "--builtin-schema", "vendor.github-workflows", bad)[0] == 1


@pytest.mark.parametrize("path", WORKFLOWS)
def test_actionlint(path):
    assert judge("actionlint", "-no-color", path, env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}) == (0, "")


def test_actionlint_would_notice(bad):
    assert "untrusted" in judge("actionlint", "-no-color", bad)[1]


def steps(name):
    """`run` steps of the job `name` of each workflow that need no network."""
    for parameter in WORKFLOWS:
        job = yaml.safe_load(parameter.values[0].read_text("utf-8"))["jobs"][name]
        for step in job["steps"]:
            if "run" in step and "pip install" not in step["run"]:
                yield pytest.param(step, id=f"{parameter.id}-{step['name']}")


def done(step, folder):
    environment = {**os.environ, **step.get("env", {}), "PATH": f"{BIN}:{os.environ['PATH']}"}
    return run("bash", "-e", "-o", "pipefail", "-c", step["run"], cwd=folder, env=environment)


@pytest.mark.parametrize("step", [*steps("check"), *steps("validate")])
def test_command_passes_here(step):
    """What the workflow runs is run, in this repository."""
    if "kubectl" in step["run"] and not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    status, said = done(step, ROOT)
    assert status == 0, said


FAULTS = {
    "Kubernetes schemas": ("production/kubernetes/chat/service-stable.yaml", "spec:", "spec:\n  unknownField: 1"),
    "Kustomize": ("production/kubernetes/kustomization.yaml", "chat/rollout.yaml", "chat/none.yaml"),
    "Dockerfiles": ("production/docker/chat/Dockerfile", "WORKDIR /scratch", "WORKDIR scratch"),
    "Scripts": ("production/docker/fetch-hf/fetch.sh", '"$part"', "$part"),
}  # fmt: skip


@pytest.mark.parametrize("step", [*steps("validate")])
def test_command_fails_on_a_fault(step, tmp_path):
    if "kubectl" in step["run"] and not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    shutil.copytree(GENERATED / "support-assistant", tmp_path / "generated" / "support-assistant")
    path, old, new = FAULTS[step["name"]]
    target = tmp_path / "generated" / "support-assistant" / path
    target.write_text(target.read_text("utf-8").replace(old, new), "utf-8")
    assert done(step, tmp_path)[0] != 0
