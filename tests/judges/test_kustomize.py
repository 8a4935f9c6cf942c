"""kubectl's own kustomize reads every folder, and loses none of its objects."""

import shutil

import pytest
import yaml
from judged import each_environment, objects, run

pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")


@pytest.mark.parametrize("environment", each_environment())
def test_builds(environment):
    status, said = run("kubectl", "kustomize", environment / "kubernetes")
    assert status == 0, said
    built = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(said)}
    assert built == {(each["kind"], each["metadata"]["name"]): each for each in objects(environment)}
