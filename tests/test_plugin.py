"""A choice is one file: another distribution adds a store, and everything knows it."""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

SPECS = Path(__file__).parents[1] / "specs"

MILVUS = '''
"""Milvus, run by somebody else."""

from __future__ import annotations

from typing import Annotated

from llmspec.families import Pin, Store
from llmspec.plan.network import Index
from llmspec.plan.workload import Env, Workload
from llmspec.scalars import Count, doc


class Milvus(Store):
    """Milvus, reached by its address."""

    kind = "milvus"
    metrics = ("cosine",)
    shards: Annotated[Count, doc("Shards.")] = 1

    def images(self) -> tuple[str, ...]:
        return ()

    def workload(self, index: Index, pin: Pin) -> Workload | None:
        return None

    def definition(self, index: Index) -> tuple[str, str]:
        return "collection.txt", f"{index.physical} {index.dimensions} {self.shards}"

    def connection(self, index: Index) -> tuple[Env, ...]:
        return (Env(name="MILVUS_URI", value="http://milvus"),)
'''


def install(site, module, text):
    """What an installer leaves behind, as far as anybody looks."""
    info = site / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[llmspec.parts]\nmilvus = {module}\n")
    (site / f"{module}.py").write_text(textwrap.dedent(text))


def llmspec(site, *arguments, cwd):
    environment = {"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin", "LLMSPEC_NO_STAMP": "1", "HOME": str(cwd)}
    command = [sys.executable, "-m", "llmspec", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def service(tmp_path):
    shutil.copytree(SPECS / "support-assistant", tmp_path / "svc")
    path = tmp_path / "svc" / "llm.yaml"
    old = "store: {kind: qdrant, version: 1.18.2, storage: 20Gi, storageClass: fast-rwo}"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, "store: {kind: milvus, shards: 3}"))
    return tmp_path


def test_a_store_of_another_distribution(tmp_path):
    install(tmp_path / "site", "llmspec_milvus", MILVUS)
    root = service(tmp_path)
    done = llmspec(tmp_path / "site", "compile", "svc", cwd=root)
    assert done.returncode == 0, done.stderr
    config = (root / "svc/generated/support-assistant/staging/kubernetes/config/rag.yaml").read_text()
    assert "collection.txt: support-assistant__" in config
    assert "MILVUS_URI" in config
    assert '"milvus"' in llmspec(tmp_path / "site", "schema", cwd=root).stdout


def test_without_it_the_kind_is_unknown(tmp_path):
    done = llmspec(tmp_path / "site", "check", "svc", cwd=service(tmp_path))
    assert done.returncode == 1
    assert "unknown kind `milvus`" in done.stderr


def test_one_that_cannot_be_loaded_is_a_finding(tmp_path):
    install(tmp_path / "site", "llmspec_broken", "import nowhere_at_all\n")
    done = llmspec(tmp_path / "site", "check", "svc", cwd=service(tmp_path))
    assert done.returncode == 1
    assert "LS901" in done.stderr
    assert "nowhere_at_all" in done.stderr
    assert "Traceback" not in done.stderr
