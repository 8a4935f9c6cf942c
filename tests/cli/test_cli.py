"""The command line: exit codes, formats, what is written and what is not."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from llmspec.cli import main
from llmspec.cli import run as cli_run

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture
def repo(tmp_path, monkeypatch):
    shutil.copytree(SPECS / "minimal", tmp_path / "svc")
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLMSPEC_NO_STAMP", "1")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, [str(each) for each in arguments], catch_exceptions=False)


def break_it(repo, old="gpu: l4", new="gpu: l44"):
    path = repo / "svc" / "llm.yaml"
    path.write_text(path.read_text().replace(old, new))


def test_compile_then_check_then_nothing_to_do(repo):
    assert run("compile", "svc", "--check").exit_code == 1
    assert not (repo / "generated").exists()
    done = run("compile", "svc")
    assert done.exit_code == 0
    assert "Compiled 16 files of 1 service" in done.stderr
    assert (repo / "generated" / "minimal" / "MANIFEST.json").is_file()
    assert run("compile", "svc", "--check").exit_code == 0
    assert run("compile", "svc", "--diff").exit_code == 0


def test_diff_shows_and_writes_nothing(repo):
    run("compile", "svc")
    before = {path: path.read_bytes() for path in repo.rglob("*") if path.is_file()}
    break_it(repo, "version: 0.24.0}", "version: 0.24.0}\n    context: {maxNumSeqs: 8}")
    after = {path: path.read_bytes() for path in before}
    done = run("compile", "svc", "--diff")
    assert done.exit_code == 1
    assert "+max-num-seqs: 8" in done.stdout
    assert {path: path.read_bytes() for path in before} == after


def test_nothing_is_written_if_any_spec_has_an_error(repo):
    shutil.copytree(repo / "svc", repo / "other")
    text = (repo / "other" / "llm.yaml").read_text()
    (repo / "other" / "llm.yaml").write_text(text.replace("name: minimal", "name: second"))
    break_it(repo)
    done = run("compile", ".")
    assert done.exit_code == 1
    assert "LS305" in done.stderr
    assert not (repo / "generated").exists()


def test_two_services_of_one_name(repo):
    shutil.copytree(repo / "svc", repo / "other")
    done = run("compile", ".")
    assert done.exit_code == 1
    assert "LS902" in done.stderr


def test_env_writes_one_environment_and_leaves_the_others(repo):
    path = repo / "svc" / "llm.yaml"
    path.write_text(path.read_text() + "environments: {dev: , prod: }\n")
    run("compile", "svc")
    break_it(repo, "version: 0.24.0}", "version: 0.24.0}\n    context: {maxNumSeqs: 8}")
    assert run("compile", "svc", "--env", "dev").exit_code == 0
    serve = {env: (repo / f"generated/minimal/{env}/engine/chat/serve.yaml").read_text() for env in ("dev", "prod")}
    assert "max-num-seqs: 8" in serve["dev"]
    assert "max-num-seqs: 64" in serve["prod"]
    assert run("compile", "svc", "--check", "--env", "dev").exit_code == 0
    assert run("compile", "svc", "--check").exit_code == 1
    done = run("compile", "svc", "--env", "pro")
    assert done.exit_code == 2
    assert "did you mean `prod`" in done.stderr


@pytest.mark.parametrize("output_format", ["full", "concise", "json", "github", "gitlab", "sarif"])
def test_formats(repo, output_format):
    break_it(repo)
    done = run("check", "svc", "--output-format", output_format)
    assert done.exit_code == 1
    people = output_format in ("full", "concise")
    assert "LS305" in (done.stderr if people else done.stdout)
    if output_format in ("json", "gitlab", "sarif"):
        json.loads(done.stdout)


def test_json_has_what_programs_need(repo):
    break_it(repo)
    (row,) = json.loads(run("check", "svc", "--output-format", "json").stdout)["diagnostics"]
    wanted = {"code", "severity", "message", "file", "line", "column", "endLine", "endColumn", "environment", "help"}
    assert wanted <= set(row)
    number = (repo / "svc/llm.yaml").read_text().splitlines().index("  hardware: {gpu: l44}") + 1
    assert (row["file"], row["line"], row["code"], row["environment"]) == ("svc/llm.yaml", number, "LS305", None)
    assert "l4" in row["help"]


@pytest.mark.parametrize("output_format", ["json", "gitlab", "sarif"])
@pytest.mark.usefixtures("repo")
def test_formats_for_programs_are_documents_even_when_empty(output_format):
    document = json.loads(run("check", "svc", "--output-format", output_format).stdout)
    rows = {
        "json": lambda: document["diagnostics"],
        "gitlab": lambda: document,
        "sarif": lambda: document["runs"][0]["results"],
    }[output_format]()
    assert rows == []


def test_a_finding_names_the_environment_that_has_it(repo):
    path = repo / "svc" / "llm.yaml"
    path.write_text(path.read_text() + "environments: {dev: , prod: {serving: {hardware: {gpu: h1000}}}}\n")
    (row,) = json.loads(run("check", "svc", "--output-format", "json").stdout)["diagnostics"]
    assert (row["environment"], row["line"]) == ("prod", len(path.read_text().splitlines()))


@pytest.mark.parametrize(
    ("environ", "arguments", "colored"),
    [
        ({}, [], False),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
    ],
)
def test_color(repo, environ, arguments, colored):
    break_it(repo)
    environment = {"FORCE_COLOR": "", "NO_COLOR": "", "GITHUB_ACTIONS": "", **environ}
    done = CliRunner().invoke(main, ["check", "svc", *arguments], env=environment)
    assert ("\x1b[" in done.stderr) is colored


@pytest.mark.parametrize(
    "arguments", [["chekc"], ["compile", "--evn", "x"], ["explain", "LS999"], ["why", "llm.yaml"], ["check", "empty"]]
)
def test_wrong_use_is_2(repo, arguments):
    (repo / "empty").mkdir()
    assert run(*arguments).exit_code == 2


def test_lock_keeps_what_is_pinned_and_sees_what_changed(repo):
    lock = repo / "svc" / "llm.lock"
    before = lock.read_text()
    assert run("lock", "svc").exit_code == 0
    assert lock.read_text() == before
    lock.write_text(before.replace("sha256:251eba5c", "sha256:00000000"))
    run("lock", "svc")
    assert "sha256:00000000" in lock.read_text()
    run("lock", "svc", "--update", "vllm")
    assert lock.read_text() == before
    config = repo / "svc" / "chat" / "config.json"
    config.write_text(config.read_text() + "\n")
    assert run("lock", "svc", "--check").exit_code == 1
    assert lock.read_text() == before
    done = run("check", "svc")
    assert done.exit_code == 1
    assert "`chat` has changed since it was locked" in done.stderr


def test_a_broken_lock_is_made_anew(repo):
    lock = repo / "svc" / "llm.lock"
    before = lock.read_text()
    lock.write_text("version: [")
    assert run("check", "svc").exit_code == 1
    assert run("lock", "svc").exit_code == 0
    assert lock.read_text() == before


def test_why_points_into_the_layer(repo):
    path = repo / "svc" / "llm.yaml"
    path.write_text(path.read_text() + "environments:\n  prod:\n    serving:\n      namespace: care\n")
    run("compile", "svc")
    manifest = repo / "generated/minimal/prod/kubernetes/chat/deployment.yaml"
    number = next(n for n, line in enumerate(manifest.read_text().splitlines(), 1) if "namespace: care" in line)
    done = run("why", f"{manifest}:{number}")
    assert done.exit_code == 0
    assert "serving.namespace" in done.stdout
    assert f"svc/llm.yaml:{len(path.read_text().splitlines())}:" in done.stdout


def test_explain_lists_and_prints():
    assert "LS202" in run("explain").stdout
    assert run("explain", "ls202").stdout.startswith("# LS202 unknown-kind")


def test_schema_is_json():
    assert json.loads(run("schema").stdout)["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_a_file_that_a_person_put_there_is_named_and_kept(repo):
    run("compile", "svc")
    mine = repo / "generated" / "minimal" / "default" / "NOTES.md"
    mine.write_text("mine")
    break_it(repo, "version: 0.24.0}", "version: 0.24.0}\n    context: {maxNumSeqs: 8}")
    done = run("compile", "svc")
    assert mine.read_text() == "mine"
    assert "NOTES.md is not ours" in done.stderr


def test_as_a_module():
    done = subprocess.run([sys.executable, "-m", "llmspec", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("llmspec ")


def test_a_document_is_written_even_when_nothing_has_changed(repo, monkeypatch):
    monkeypatch.delenv("LLMSPEC_NO_STAMP")
    monkeypatch.setenv("LLMSPEC_CACHE_DIR", str(repo / "cache"))
    command = [sys.executable, "-m", "llmspec", "check", "svc", "--output-format", "json"]
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert json.loads(said[0]) == json.loads(said[1])


@pytest.mark.usefixtures("repo")
def test_a_fault_of_ours_is_a_sentence(monkeypatch, capsys):
    def broken(*_, **__):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("llmspec.cli.check.check", broken)
    monkeypatch.setattr(sys, "argv", ["llmspec", "check", "svc"])
    with pytest.raises(SystemExit) as stop:
        cli_run()
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert "ZeroDivisionError: oops" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("like", ["0.33.0", "vllm=0.33.0"])
def test_a_release_that_is_not_known_is_taken_to_be_like_another(repo, like):
    for name in ("llm.yaml", "llm.lock"):
        path = repo / "svc" / name
        path.write_text(path.read_text().replace("0.24.0", "0.99.0"))
    done = run("check", "svc")
    assert done.exit_code == 1
    assert "`--assume-like 0.33.0`" in done.stderr
    done = run("compile", "svc", "--assume-like", like)
    assert done.exit_code == 0, done.stderr
    assert "warning[LS366]" in done.stderr
    dockerfile = repo / "generated/minimal/default/docker/chat/Dockerfile"
    assert "vllm/vllm-openai:v0.99.0@sha256:" in dockerfile.read_text()
    assert run("check", "svc", "--assume-like", "sglang=0.33.0").exit_code == 1
