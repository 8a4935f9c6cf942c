"""An image that serves, started as each container of the cluster starts it."""

import re
import shutil
import time
from pathlib import Path
from typing import Any

from calls import CONFINED, Failed, need, run, tail
from cluster import Container, arguments_of, called_as_built, containers_of, environment_of, models

READY_SECONDS, STOP_SECONDS = 20, 10
WAIT_FOR = "/opt/llmspec/wait-for.sh"
MARKS = ("/models/invented/.complete-8.6", "/models/invented/.complete-8.9")
"""For an image that has wait-for.sh where nothing in the cluster waits."""
NO_NEW_PRIVILEGES, NO_CAPABILITIES = "1", "0000000000000000"
ASK_PORTS = """
import sys
from http.client import HTTPConnection, HTTPException
def answers(port):
    try:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/")
        return connection.getresponse()
    except (OSError, HTTPException):
        return None
sys.exit(not any(map(answers, map(int, sys.argv[1:]))))
"""


def check_servers(image: str, config: dict[str, Any], dockerfiles: list[Path]) -> str:
    ways = 0
    marks: dict[tuple[str, ...], None] = {}
    for dockerfile in dockerfiles:
        for container in containers_of(dockerfile):
            if container.get("command") == [WAIT_FOR]:
                marks[tuple(arguments_of(container))] = None
            elif "readinessProbe" in container:
                called_as_built(container, config)
                check_server(image, config, container, dockerfile)
                ways += 1
    if not ways:
        raise Failed("no container of the cluster serves with it")
    for some in marks or (MARKS,):
        check_wait(image, some)
    waits = f"waited for {max(map(len, marks))} file(s)" if marks else f"waited for {len(MARKS)} invented files"
    return f"served as each of {ways} container(s), {waits}"


def check_server(image: str, config: dict[str, Any], container: Container, dockerfile: Path) -> None:
    arguments = arguments_of(container)
    with models() as volume:
        fill(volume, arguments, dockerfile)
        mounts = (*mounts_for(arguments, dockerfile), "--volume", f"{volume}:/models:ro")
        how = ("--detach", *CONFINED, *environment_of(container), *mounts)
        started = need("podman", "run", *how, image, *arguments).split()[-1]
        try:
            wait_until_healthy(started, config)
            check_process(started)
            check_stop(started)
        finally:
            run("podman", "rm", "--force", "--time", "0", started)


def fill(volume: Path, arguments: list[str], dockerfile: Path) -> None:
    """What a job left for the server: its model repository, or a checkpoint, here without weights."""
    repository = dockerfile.parent.with_name(f"{dockerfile.parent.name}-build") / "repository"
    for path in (word.split("=")[-1] for word in arguments):
        if not path.startswith("/models/"):
            continue
        target = volume / path.removeprefix("/models/")
        if target.name == repository.name and repository.exists():
            shutil.copytree(repository, target)
        else:
            target.mkdir(parents=True, exist_ok=True)
            (target / "config.json").write_text("{}")


def mounts_for(arguments: list[str], dockerfile: Path) -> tuple[str, ...]:
    """Files that the command names and that in the cluster a ConfigMap brings: they lie among the engine's own."""
    folder = dockerfile.parents[2] / "engine" / dockerfile.parent.name
    wanted = {Path(path) for path in (word.split("=")[-1] for word in arguments) if path.startswith("/etc/")}
    found = ((folder / path.name, path) for path in sorted(wanted))
    return tuple(part for source, path in found if source.exists() for part in ("--volume", f"{source}:{path}:ro"))


def check_wait(image: str, marks: tuple[str, ...]) -> None:
    """It ends when every file is there, and waits while any one is not."""
    with models() as volume:
        for mark in marks:
            make(volume, mark)
        how = ("--rm", *CONFINED, "--volume", f"{volume}:/models:ro", "--entrypoint", WAIT_FOR)
        need("podman", "run", *how, image, *marks)
    for missing in marks:
        with models() as volume:
            for mark in marks:
                (volume / mark.removeprefix("/models/")).parent.mkdir(parents=True, exist_ok=True)
                if mark != missing:
                    make(volume, mark)
            how = ("--detach", *CONFINED, "--volume", f"{volume}:/models:ro", "--entrypoint", WAIT_FOR)
            waiting = need("podman", "run", *how, image, *marks).split()[-1]
            try:
                time.sleep(1)
                state = need("podman", "inspect", "--format", "{{.State.Status}}", waiting).strip()
                said = need("podman", "logs", waiting)
                if state != "running" or f"waiting for {missing}" not in said:
                    raise Failed(f"wait-for.sh does not wait for {missing} ({state}):\n{tail(said)}")
                make(volume, missing)
                if (code := need("podman", "wait", waiting).strip()) != "0":
                    raise Failed(f"wait-for.sh ended with {code} when {missing} was there")
            finally:
                run("podman", "rm", "--force", "--time", "0", waiting)


def make(volume: Path, mark: str) -> None:
    path = volume / mark.removeprefix("/models/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def wait_until_healthy(container: str, config: dict[str, Any]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while (answer := run("podman", "exec", container, *question(config), timeout=READY_SECONDS)).returncode:
        state = need("podman", "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", container).strip()
        if not state.startswith("running") or time.monotonic() > deadline:
            said = tail(answer.stdout, 5) + "\n" + tail(run("podman", "logs", container).stdout)
            raise Failed(f"not healthy after {READY_SECONDS} s, or gone ({state}):\n{said}")
        time.sleep(0.2)


def health_of(config: dict[str, Any]) -> list[str]:
    return (config.get("Healthcheck") or {}).get("Test") or ["NONE"]


def question(config: dict[str, Any]) -> list[str]:
    """The command, run in the container, that tells its health: its own health check, or else any HTTP answer."""
    kind, *test = health_of(config)
    if kind == "CMD":
        return test
    if kind == "CMD-SHELL":
        return ["/bin/sh", "-c", *test]
    ports = (port.partition("/")[0] for port in config.get("ExposedPorts") or ())
    return ["python3", "-c", ASK_PORTS, *ports]


def check_process(container: str) -> None:
    """What the kernel says of the first process: a fact where the image's configuration is a wish."""
    pid = need("podman", "inspect", "--format", "{{.State.Pid}}", container).strip()
    status = dict(re.findall(r"(?m)^(\w+):\s+(\S+)", Path(f"/proc/{pid}/status").read_text()))
    if status["Uid"] == "0" or status["CapEff"] != NO_CAPABILITIES or status["NoNewPrivs"] != NO_NEW_PRIVILEGES:
        raise Failed(f"runs as user {status['Uid']} with capabilities {status['CapEff']}")


def check_stop(container: str) -> None:
    need("podman", "stop", "--time", str(STOP_SECONDS), container)
    code = need("podman", "inspect", "--format", "{{.State.ExitCode}}", container).strip()
    if code == "137":
        raise Failed(f"did not stop within {STOP_SECONDS} s of SIGTERM")
