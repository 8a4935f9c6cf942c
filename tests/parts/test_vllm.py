"""Options of vLLM: what a release dropped is refused with what replaced it, what it knows goes through as written."""

import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from llmspec.catalog.tables import vllm
from llmspec.cli import main

MINIMAL = Path(__file__).parents[2] / "specs" / "minimal"
GONE = [(version, *pair) for version, row in vllm().items() for pair in row.gone.items()]


def compiled(tmp_path, arguments):
    folder = tmp_path / "svc"
    shutil.copytree(MINIMAL, folder)
    path = folder / "llm.yaml"
    path.write_text(path.read_text().replace("version: 0.24.0}", f"version: 0.24.0, args: {arguments}}}"))
    return CliRunner(env={"LLMSPEC_NO_STAMP": "1"}).invoke(main, ["compile", str(folder)], catch_exceptions=False)


@pytest.mark.parametrize(("version", "option", "words"), GONE, ids=[option for _, option, _ in GONE])
def test_what_is_gone_says_what_to_write(tmp_path, version, option, words):
    done = compiled(tmp_path, f"{{{option}: true}}")
    assert done.exit_code == 1
    assert f"vLLM {version} has no option `{option}`" in done.stderr
    assert words in done.stderr


@pytest.mark.parametrize(("option", "near"), [("max-num-batched-token", "max-num-batched-tokens"), ("sed", "seed")])
def test_what_is_misspelt(tmp_path, option, near):
    assert f"did you mean `{near}`" in compiled(tmp_path, f"{{{option}: 1}}").stderr


def written(tmp_path, arguments):
    assert compiled(tmp_path, arguments).exit_code == 0
    return yaml.safe_load((tmp_path / "svc/generated/minimal/default/engine/chat/serve.yaml").read_text())


def test_options_arrive_as_written(tmp_path):
    options = written(tmp_path, "{seed: 7, enforce-eager: true, hf-overrides: {a: [1]}}")
    assert (options["seed"], options["enforce-eager"], options["hf-overrides"]) == (7, True, {"a": [1]})
    assert set(options) <= vllm()["0.24.0"].flags


@pytest.mark.parametrize(("task", "runner"), [("generate", "generate"), ("embed", "pooling"), ("rerank", "pooling")])
def test_the_task_picks_the_runner(tmp_path, task, runner):
    options = written(tmp_path, f"{{seed: 1}}}}\n    task: {task}\n    context: {{maxNumSeqs: 8")
    assert options["runner"] == runner


def test_what_is_switched_off_is_switched_off(tmp_path):
    """vLLM's reader drops `false`, and the default may be on."""
    options = written(tmp_path, "{async-scheduling: false}, enablePrefixCaching: false")
    assert options["no-async-scheduling"] is True
    assert options["no-enable-prefix-caching"] is True
    assert not {"async-scheduling", "enable-prefix-caching"} & set(options)
