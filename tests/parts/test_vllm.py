"""Options of vLLM: what a release dropped is refused with what replaced it, what it knows goes through as written."""

import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from llmspec.catalog.releases import known, table
from llmspec.cli import main

MINIMAL = Path(__file__).parents[2] / "specs" / "minimal"
KNOWN = known("vllm", "0.24.0")
OPTIONS = KNOWN.options("vllm serve")
GONE = [name for name in table("vllm").commands["vllm serve"] if name not in OPTIONS and KNOWN.gone("vllm serve", name)]


def compiled(tmp_path, arguments):
    folder = tmp_path / "svc"
    shutil.copytree(MINIMAL, folder)
    path = folder / "llm.yaml"
    path.write_text(path.read_text().replace("version: 0.24.0}", f"version: 0.24.0, args: {arguments}}}"))
    return CliRunner(env={"LLMSPEC_NO_STAMP": "1"}).invoke(main, ["compile", str(folder)], catch_exceptions=False)


def test_options_that_broke_deployments_elsewhere_are_known_to_be_gone():
    assert {"task", "swap-space", "disable-log-requests", "num-scheduler-steps", "device", "enable-reasoning"} <= set(
        GONE
    )


@pytest.mark.parametrize("option", GONE)
def test_what_is_gone_says_what_to_write(tmp_path, option):
    done = compiled(tmp_path, f"{{{option}: true}}")
    row = KNOWN.gone("vllm serve", option)
    assert done.exit_code == 1
    assert f"vLLM 0.24.0 has no option `{option}`" in done.stderr
    assert f"gone since {row.until}: {row.instead}" in done.stderr


def test_what_came_later_says_when(tmp_path):
    later = next(name for name, rows in table("vllm").commands["vllm serve"].items() if rows[0].since == "0.25.0")
    assert "it came with 0.25.0" in compiled(tmp_path / "later", f"{{{later}: 1}}").stderr


@pytest.mark.parametrize(("option", "near"), [("max-num-batched-token", "max-num-batched-tokens"), ("sed", "seed")])
def test_what_is_misspelt(tmp_path, option, near):
    assert f"did you mean `{near}`" in compiled(tmp_path, f"{{{option}: 1}}").stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("{seed: many}", "`seed` of vLLM 0.24.0 must be a whole number"),
        ("{seed: true}", "must be a whole number, not `true`"),
        ("{enforce-eager: 1}", "must be `true` or `false`"),
        ("{dtype: fp4}", "must be one of `"),
        ("{middleware: x}", "must be a list"),
    ],
)
def test_values_have_the_types_of_the_release(tmp_path, arguments, words):
    done = compiled(tmp_path, arguments)
    assert done.exit_code == 1
    assert words in done.stderr


def written(tmp_path, arguments):
    done = compiled(tmp_path, arguments)
    assert done.exit_code == 0, done.stderr
    return yaml.safe_load((tmp_path / "svc/generated/minimal/default/engine/chat/serve.yaml").read_text())


def test_options_arrive_as_written(tmp_path):
    options = written(tmp_path, "{seed: 7, enforce-eager: true, hf-overrides: {a: [1]}}")
    assert (options["seed"], options["enforce-eager"], options["hf-overrides"]) == (7, True, {"a": [1]})
    assert set(options) <= set(OPTIONS)


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


def test_a_flag_that_is_off_is_left_out(tmp_path):
    flag = next(name for name, option in OPTIONS.items() if option.type == "flag" and name != "help")
    assert flag not in written(tmp_path, f"{{{flag}: false}}")
