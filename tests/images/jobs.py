"""An image that builds or downloads, started as the jobs of the cluster start it."""

import os
import re
from itertools import pairwise
from pathlib import Path

from building import lean_packages
from calls import CONFINED, Failed, need, run, tail
from cluster import arguments_of, called_as_built, containers_of, environment_of, models
from contents import config_of

JOB_SECONDS, BUILD_SECONDS = 30, 180
ABSENT = re.compile(r"ModuleNotFoundError: No module named '(torch|google)'$")
"""How a job ends in an image without what its packages depend on: at torch, or at the protobuf that ONNX needs."""
GRAPH = """
import sys
import onnx
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
x, y = (make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["rows", 4]) for name in "xy")
onnx.save(make_model(make_graph([make_node("Relu", ["x"], ["y"])], "g", [x], [y]),
    opset_imports=[make_opsetid("", 20)], ir_version=10), sys.argv[1])
"""
BROKEN = re.compile(r"ModuleNotFoundError|ImportError|SyntaxError|executable file not found|exec format error")


def check_help(image: str) -> None:
    done = run("podman", "run", "--rm", *CONFINED, image, "--help", timeout=JOB_SECONDS)
    if done.returncode or BROKEN.search(done.stdout):
        raise Failed(f"it does not start (exit {done.returncode}):\n{tail(done.stdout)}")


def check_downloader(image: str, dockerfile: Path) -> str:
    """The client knows each option of download.sh. That of aws is asked for its version: its help needs a pager."""
    script = (dockerfile.parent / "download.sh").read_text()
    for line in re.findall(r"(?m)^(?:hf|aws) .+$", script):
        words = line.split()
        command = words[: next(place for place, word in enumerate(words) if not re.fullmatch(r"[a-z0-9]+", word))]
        asked = ("aws", "--version") if words[0] == "aws" else (*command, "--help")
        entry = ("--entrypoint", asked[0], image, *asked[1:])
        done = run("podman", "run", "--rm", *CONFINED, "--env", "COLUMNS=200", *entry, timeout=JOB_SECONDS)
        options = [] if words[0] == "aws" else [word for word in words if word.startswith("--")]
        missing = [option for option in options if not re.search(rf"{option}\b", done.stdout)]
        if done.returncode or missing:
            raise Failed(f"`{' '.join(asked)}` fails or lacks {missing}:\n{tail(done.stdout)}")
    return "the client is there with its options; nothing was downloaded"


def check_builds(image: str, dockerfiles: list[Path]) -> str:
    """The jobs of the cluster do their work, one after the other on one volume."""
    jobs = {tuple(arguments_of(each)): each for path in dockerfiles for each in containers_of(path)}
    if not jobs:
        raise Failed("no container of the cluster builds with it")
    user = int(config_of(image)["User"])
    lean = bool(lean_packages(dockerfiles[0]))
    with models(user) as volume:
        for arguments, job in jobs.items():
            called_as_built(job, config_of(image))
            how = ("--rm", *CONFINED, *environment_of(job), "--volume", f"{volume}:/models")
            source, result = (volume / word.removeprefix("/models/") for word in arguments[-2:])
            if not source.exists():
                source.mkdir()
                (source / "config.json").write_text("{}")
                os.chown(source, user, user)
                if not lean:
                    path = f"{arguments[-2]}/model.onnx"
                    need("podman", "run", *how, "--entrypoint", "python3", image, "-c", GRAPH, path)
            done = run("podman", "run", *how, image, *arguments, timeout=BUILD_SECONDS)
            capability = dict(pairwise(arguments)).get("--capability")
            mark = result / f".complete{f'-{capability}' if capability else ''}"
            if lean and ABSENT.search(done.stdout.rstrip()):
                continue
            if lean or done.returncode or not mark.exists():
                raise Failed(f"`build.sh {' '.join(arguments)}` ended with {done.returncode}:\n{tail(done.stdout)}")
        if lean:
            return f"{len(jobs)} job(s) ran until they import what is not there"
        check_result(result, dockerfiles[0].parent / "repository")
    return f"{len(jobs)} job(s) did their work on a graph of one node, with a stand-in for trtexec"


def check_result(result: Path, repository: Path) -> None:
    for path in repository.rglob("*"):
        made = result / "repository" / path.relative_to(repository)
        if path.is_file() and (not made.is_file() or made.read_bytes() != path.read_bytes()):
            raise Failed(f"the result lacks {path.relative_to(repository)}, or has another")
    for plan in re.findall(r'value: "(.*?\.plan)"', "".join(path.read_text() for path in repository.glob("*/*.pbtxt"))):
        if not next(result.rglob(plan), None):
            raise Failed(f"the result lacks {plan}, which a configuration names")
