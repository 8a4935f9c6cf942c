"""The same meaning gives the same bytes, whatever the order, the style, the place or the process; a small change in
gives a small change out; and nothing of it needs a network.
"""

import difflib
import os
import random
import re
import shutil
import socket
import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner
from compiling import FULL, ROOT, SPECS, changed, compiled

from llmspec.cli import main

TEXT = (FULL / "llm.yaml").read_text("utf-8")
NAMED = ("models", "prompts", "datasets", "clients")
"""Lists whose items have names: their order means nothing."""


def shuffled(value, seed):
    """The same data with the keys of every mapping and the items of every named list in another order."""
    return _shuffled(value, random.Random(seed), "")  # noqa: S311 - no secret


def _shuffled(value, chance, key):
    if isinstance(value, dict):
        keys = chance.sample(list(value), len(value))
        return {each: _shuffled(value[each], chance, each) for each in keys}
    if isinstance(value, list):
        items = [_shuffled(each, chance, "") for each in value]
        return chance.sample(items, len(items)) if key in NAMED else items
    return value


def emitted(value, **style):
    return yaml.dump(value, sort_keys=False, allow_unicode=True, **style)


def commented(text):
    """Comments and blank lines wherever they may stand."""
    lines = [f"{line}   # {number}\n\n  # between" for number, line in enumerate(text.splitlines())]
    return "# first\n\n" + "\n".join(lines) + "\n# last\n"


DATA = yaml.safe_load(TEXT)
REWRITTEN = {
    "comments and blank lines": commented(TEXT),
    "carriage returns": TEXT.replace("\n", "\r\n"),
    "block style": emitted(DATA, default_flow_style=False),
    "flow style": emitted(DATA, default_flow_style=True, width=80),
    "all quoted strings": re.sub(r"(kind|metric|task): (\w+)", r'\1: "\2"', TEXT),
    "indented by eight": emitted(DATA, default_flow_style=False, indent=8),
    "document marks": f"%YAML 1.2\n---\n{TEXT}\n...\n",
    "own keys": TEXT + "x-notes: {anything: [1, 2]}\n",
    **{f"order {seed}": emitted(shuffled(DATA, seed), default_flow_style=seed % 2 == 0) for seed in range(6)},
}


@pytest.fixture(scope="module")
def usual():
    return compiled(FULL)


@pytest.mark.parametrize("text", REWRITTEN.values(), ids=REWRITTEN)
def test_same_bytes(text, usual):
    assert text != TEXT
    assert changed(usual, compiled(FULL, text)) == []


def test_order_inside_a_patch_means_nothing():
    def text(value):
        patch = f"[{{op: add, path: /metadata/annotations/x, value: {value}}}]"
        return f"{TEXT}overrides: [{{target: {{kind: Deployment, name: '*-chat'}}, reason: order, patch: {patch}}}]\n"

    one, other = (compiled(FULL, text(value)) for value in ("{a: 1, b: {c: 2, d: 3}}", "{b: {d: 3, c: 2}, a: 1}"))
    assert changed(one, other) == []


def test_order_of_the_lock(tmp_path, usual):
    folder = tmp_path / "support-assistant"
    shutil.copytree(FULL, folder)
    lock = yaml.safe_load((FULL / "llm.lock").read_text("utf-8"))
    (folder / "llm.lock").write_text("\ufeff" + emitted(shuffled(lock, 1), default_flow_style=True), "utf-8")
    assert changed(usual, compiled(folder)) == []


def test_byte_order_mark(tmp_path):
    for mark in (b"", b"\xef\xbb\xbf"):
        folder = tmp_path / str(len(mark)) / "minimal"
        shutil.copytree(ROOT / "specs" / "minimal", folder)
        (folder / "llm.yaml").write_bytes(mark + (folder / "llm.yaml").read_bytes())
        output = tmp_path / "out" / str(len(mark))
        done = CliRunner().invoke(main, ["compile", str(folder), "-o", str(output)])
        assert done.exit_code == 0, done.output
    assert contents(tmp_path / "out" / "0") == contents(tmp_path / "out" / "3")


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run(folder, *argv, seed="0"):
    environment = {**os.environ, "PYTHONHASHSEED": seed, "LLMSPEC_NO_STAMP": "1", "PYTHONPATH": str(ROOT)}
    argv = (sys.executable, "-m", "llmspec", *argv)
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=True)


PLACES = {
    # where the command is run, below the root of a repository, and what it is given there
    "root": (".", "specs/support-assistant"),
    "inside": ("specs/support-assistant/corpus", ".."),
    "file": ("generated", "../specs/support-assistant/llm.yaml"),
    "absolute": ("..", "{root}/specs/support-assistant"),
}


@pytest.mark.parametrize("seed", range(len(PLACES)), ids=PLACES)
def test_from_anywhere_and_with_any_hash_seed(seed, tmp_path):
    folder, path = list(PLACES.values())[seed]
    root = tmp_path / "repository"
    shutil.copytree(FULL, root / "specs" / "support-assistant")
    for name in (".git", "generated"):
        (root / name).mkdir()
    run(root / folder, "compile", path.format(root=root), seed=str(seed))
    assert contents(root / "generated" / "support-assistant") == contents(ROOT / "generated" / "support-assistant")


def test_no_network(monkeypatch, tmp_path):
    def refused(*_, **__):
        raise AssertionError("compile wants a network")

    for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refused)
    done = CliRunner().invoke(main, ["compile", *map(str, SPECS), "-o", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0


BOTH = ("production", "staging")
SMALL = (
    # old, new, files, lines that differ in them
    ("maxNumSeqs: 64", "maxNumSeqs: 32", [f"{env}/{path}" for env in BOTH for path in (
        "engine/chat/serve.yaml", "kubernetes/chat/deployment.yaml", "kubernetes/config/chat-serve.yaml")], 8),
    ("setWeight: 25", "setWeight: 30", ["production/kubernetes/chat/rollout.yaml"], 1),
    ("maxErrorRatio: 0.02", "maxErrorRatio: 0.03", ["production/kubernetes/chat/analysistemplate.yaml"], 2),
    ("topK: 5", "topK: 6", [f"{env}/kubernetes/config/rag.yaml" for env in BOTH], 4),
    ("storage: 20Gi", "storage: 30Gi", [f"{env}/kubernetes/qdrant/statefulset.yaml" for env in BOTH], 2),
    ("minReplicas: 4", "minReplicas: 5", ["production/kubernetes/chat/horizontalpodautoscaler.yaml"], 1),
    ("app: helpdesk-api", "app: helpdesk", [f"{env}/kubernetes/{name}/networkpolicy.yaml" for env in BOTH for name in (
        "chat", "embed", "qdrant")], 6),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new", "files", "lines"), SMALL, ids=[row[0] for row in SMALL])
def test_small_change_small_difference(old, new, files, lines, usual):
    assert TEXT.count(old) == 1
    after = compiled(FULL, TEXT.replace(old, new))
    found = [path for path in changed(usual, after) if path != "MANIFEST.json"]
    assert found == sorted(files)
    assert sum(added(usual[path], after[path]) for path in found) == lines


def added(before, after):
    rows = difflib.ndiff(before.decode().splitlines(), after.decode().splitlines())
    return sum(row.startswith("+ ") for row in rows)


def test_a_word_in_a_prompt(tmp_path, usual):
    """One object for each environment, and its digest in the lock."""
    folder = tmp_path / "support-assistant"
    shutil.copytree(FULL, folder)
    prompt = folder / "prompts" / "rewrite.prompt.yaml"
    prompt.write_text(prompt.read_text("utf-8").replace("At most 30 words", "At most 25 words"), "utf-8")
    assert CliRunner().invoke(main, ["lock", str(folder)]).exit_code == 0
    files = [path for path in changed(usual, compiled(folder)) if path != "MANIFEST.json"]
    assert files == [f"{env}/kubernetes/config/prompts.yaml" for env in BOTH]
    assert added((FULL / "llm.lock").read_bytes(), (folder / "llm.lock").read_bytes()) == 1
