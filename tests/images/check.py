# ruff: noqa: T201
"""Build every Dockerfile of a folder, start its image confined as in the cluster, and ask it: `run.sh` starts this.

An image passes when it builds, runs as a numeric user that is not root, adds neither weights nor secrets, and, started
as the containers of the cluster start it, with a read-only root, no capability and no network:
- if it serves, answers its health check, heeds SIGTERM, and its wait-for.sh waits for every file and no longer;
- if it builds, carries its job out and leaves the mark that wait-for.sh waits for, with a stand-in for trtexec;
- if it downloads, finds its client, which knows every option that download.sh gives it.

One thing more stands in: packages of LEAN are installed by the real pip, but without what they depend on. Their job is
followed to the first import of what is missing.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PIP_SETTINGS = {"index-url", "extra-index-url", "trusted-host", "proxy", "default-timeout", "timeout", "retries"}
CONFINED = (
    "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--security-opt", "no-new-privileges",
    "--network", "none", "--no-healthcheck", "--mount", "type=tmpfs,destination=/scratch,tmpfs-mode=1777",
)  # fmt: skip
READY_SECONDS, STOP_SECONDS, JOB_SECONDS, BUILD_SECONDS = 20, 10, 30, 180
LEAN = {
    "nvidia-modelopt[hf]": "torch with CUDA, transformers, deepspeed and more, which unpack to many GB",
    "transformers": "what torch and ModelOpt need, which another builder's image has in full",
}
"""Package → what it depends on, too heavy for this test."""
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[(?P<extra>[\w,-]+)\])?==(?P<version>[\w.]+)")
ABSENT = re.compile(r"ModuleNotFoundError: No module named '(torch|google)'$")
"""How a job ends in an image without what its packages depend on: at torch, or at the protobuf that ONNX needs."""
WAIT_FOR = "/opt/llmspec/wait-for.sh"
MARKS = ("/models/invented/.complete-8.6", "/models/invented/.complete-8.9")
"""For an image that has wait-for.sh where nothing in the cluster waits."""
OF_THE_CLUSTER = {"LWS_WORKER_INDEX": "0", "LWS_LEADER_ADDRESS": "leader.example"}
"""What operators put into the environment."""
GRAPH = """
import sys
import onnx
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
x, y = (make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["rows", 4]) for name in "xy")
onnx.save(make_model(make_graph([make_node("Relu", ["x"], ["y"])], "g", [x], [y]),
    opset_imports=[make_opsetid("", 20)], ir_version=10), sys.argv[1])
"""
NO_NEW_PRIVILEGES, NO_CAPABILITIES = "1", "0000000000000000"
ARG = re.compile(r"(?mi)^ARG\s+(?P<name>\w+)")
FROM = re.compile(r"(?mi)^FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*$")
VARIABLE = re.compile(r"\$\{?(\w+)\}?")
WEIGHTS = {".safetensors", ".gguf", ".onnx", ".plan", ".engine", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".tflite"}
WEIGHTS_BYTES = 16 << 20
SECRET_FILES = {".netrc", ".git-credentials", ".pypirc", ".env", "credentials", "id_rsa", "id_ed25519", "token"}
SECRET_TEXT = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bhf_[A-Za-z0-9]{30,}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}"
    rb"|\bsk-[A-Za-z0-9_-]{32,}|\bnvapi-[A-Za-z0-9_-]{32,}|://[^/\s:@]+:[^/\s:@]+@"
)
SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|API_?KEY|CREDENTIAL", re.IGNORECASE)
BROKEN = re.compile(r"ModuleNotFoundError|ImportError|SyntaxError|executable file not found|exec format error")
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


Container = dict[str, Any]


class Failed(Exception):
    """What is wrong with an image, in a sentence, with what its programs said."""


def run(*argv: str | Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [str(arg) for arg in argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise Failed(f"{argv[0]} {argv[1]} was not done after {timeout:.0f} s") from expired


def need(*argv: str | Path) -> str:
    done = run(*argv)
    if done.returncode:
        raise Failed(f"{argv[0]} {argv[1]} failed:\n{tail(done.stdout)}")
    return done.stdout


def tail(text: str, lines: int = 15) -> str:
    return "\n".join(f"      {line}" for line in text.rstrip().splitlines()[-lines:])


def contexts(folder: Path) -> dict[str, list[Path]]:
    """Dockerfiles by the digest of their build context: environments often share an image."""
    found = defaultdict(list)
    for dockerfile in sorted(folder.glob("*/*/docker/*/Dockerfile")):
        digest = hashlib.sha256()
        for path in sorted(path for path in dockerfile.parent.rglob("*") if path.is_file()):
            digest.update(
                f"{path.relative_to(dockerfile.parent)}\0{path.stat().st_mode}\0".encode() + path.read_bytes()
            )
        found[digest.hexdigest()[:12]].append(dockerfile)
    return dict(found)


def base_arguments(text: str) -> list[str]:
    """The build arguments that name upstream images, as every FROM must, so that others can stand in."""
    declared, stages, names = set(), set(), []
    for line in text.splitlines():
        if arg := ARG.match(line):
            declared.add(arg["name"])
        if origin := FROM.match(line):
            variable = VARIABLE.fullmatch(origin["image"])
            if variable and variable[1] in declared:
                names.append(variable[1])
            elif origin["image"] not in stages and origin["image"] != "scratch":
                raise Failed(f"FROM {origin['image']}: no build argument, so nothing can stand in for it")
            stages.add(origin["stage"] or "")
    return names


def host_mounts(cache: Path, lean: bool) -> tuple[str, ...]:
    """This machine's way to its package index, mounted over files of the base, so that it leaves no trace.

    Bytecode and a cache of downloads are left out for time's sake, and of a `lean` image what its packages depend on.
    """
    settings = run(sys.executable, "-m", "pip", "config", "list").stdout
    lines = dict(re.findall(r"(?m)^(?:global|user|site|:env:)\.([\w-]+)='(.*)'$", settings))
    config = cache / ("pip-lean.conf" if lean else "pip.conf")
    chosen = {"cert": CERTIFICATES} | {name: value for name, value in lines.items() if name in PIP_SETTINGS}
    chosen |= {"no-compile": "true", "no-cache-dir": "true"} | ({"no-deps": "true"} if lean else {})
    config.touch(mode=0o600)
    config.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in chosen.items()))
    mounts = [f"{config}:/etc/pip.conf:ro"]
    certificates = next((path for path in certificate_files(lines) if path and Path(path).is_file()), None)
    if certificates:
        mounts.append(f"{certificates}:{CERTIFICATES}:ro")
    return tuple(part for mount in mounts for part in ("--volume", mount))


def certificate_files(lines: dict[str, str]) -> tuple[str | None, ...]:
    return (os.environ.get("PIP_CERT"), lines.get("cert"), os.environ.get("SSL_CERT_FILE"), CERTIFICATES)


def build(dockerfile: Path, tag: str, base: str, mounts: tuple[str, ...]) -> None:
    names = base_arguments(dockerfile.read_text())
    arguments = (part for name in dict.fromkeys(names) for part in ("--build-arg", f"{name}={base}"))
    how = ("--isolation", "chroot", "--pull-never", "--format", "docker", "--layers", "--force-rm")
    need("buildah", "build", *how, *mounts, *arguments, "--tag", tag, "--file", dockerfile, dockerfile.parent)


def lean_packages(dockerfile: Path) -> list[str]:
    words = shlex.split(dockerfile.read_text(), comments=True)
    return [word for word in words if word.partition("==")[0] in LEAN]


def check_packages(image: str, packages: list[str]) -> None:
    """pip only warns of an extra that a package lacks, and without its dependencies does not even that."""
    with mounted(image) as root:
        for package in packages:
            asked = REQUIREMENT.fullmatch(package)
            if not asked:
                raise Failed(f"{package}: no exact version")
            folder = f"{asked['name'].replace('-', '_')}-{asked['version']}.dist-info"
            found = next(root.glob(f"usr/local/lib/python3*/*-packages/{folder}/METADATA"), None)
            if not found:
                raise Failed(f"{package}: pip did not install it")
            if asked["extra"] and f"\nProvides-Extra: {asked['extra']}\n" not in found.read_text():
                raise Failed(f"{package}: has no such extra")


def config_of(image: str) -> dict[str, Any]:
    (found,) = json.loads(need("podman", "image", "inspect", image))
    return dict(found["Config"]) | {
        "Healthcheck": found.get("Healthcheck"),
        "History": json.dumps(found.get("History")),
    }


def check_config(config: dict[str, Any]) -> None:
    user = config.get("User", "")
    if not re.fullmatch(r"[1-9]\d*(:\d+)?", user):
        raise Failed(f"USER {user or '(none)'}: must be a number other than 0")
    if not (config.get("Entrypoint") or config.get("Cmd")):
        raise Failed("neither ENTRYPOINT nor CMD")
    for name, _, value in (entry.partition("=") for entry in config.get("Env") or ()):
        if value and SECRET_NAME.search(name):
            raise Failed(f"ENV {name} is set in the image; secrets come at run time")
    if SECRET_TEXT.search(config["History"].encode()):
        raise Failed("the image's history holds what looks like a secret")


@contextmanager
def mounted(image: str) -> Any:
    try:
        yield Path(need("podman", "image", "mount", image).strip())
    finally:
        run("podman", "image", "unmount", image)


def check_files(image: str, base: str) -> None:
    """Judge the files that the image adds to its base or changes there."""
    with mounted(base) as old, mounted(image) as new:
        problems = [problem for path in added(new, old) if (problem := problem_with(path, new))]
        if (new / "etc/pip.conf").exists() and (new / "etc/pip.conf").read_bytes():
            problems.append("/etc/pip.conf is not empty: this machine's settings leaked")
    if problems:
        raise Failed("; ".join(problems[:5]))


def added(new: Path, old: Path) -> list[Path]:
    files = (Path(folder) / name for folder, _, names in os.walk(new) for name in names)
    return [
        path
        for path in files
        if path.is_file() and not path.is_symlink() and changed(path, old / path.relative_to(new))
    ]


def changed(path: Path, before: Path) -> bool:
    if not before.exists():
        return True
    return (path.stat().st_size, path.stat().st_mtime) != (before.stat().st_size, before.stat().st_mtime)


def problem_with(path: Path, root: Path) -> str | None:
    """Packages carry small networks and sample keys for their own tests; only what is large counts there."""
    inside, size = path.relative_to(root), path.stat().st_size
    packaged = bool({"site-packages", "dist-packages"} & set(inside.parts))
    if path.suffix in WEIGHTS and size > (WEIGHTS_BYTES if packaged else 0):
        return f"/{inside} looks like weights ({size} bytes)"
    if not packaged and path.name in SECRET_FILES:
        return f"/{inside} looks like a secret"
    if not packaged and size < (1 << 20) and SECRET_TEXT.search(path.read_bytes()):
        return f"/{inside} holds what looks like a secret"
    return None


def run_image(image: str, config: dict[str, Any], dockerfiles: list[Path]) -> str:
    if health_of(config) != ["NONE"] or config.get("ExposedPorts"):
        return check_servers(image, config, dockerfiles)
    check_help(image)
    if (dockerfiles[0].parent / "build.sh").exists():
        return check_builds(image, dockerfiles)
    return check_downloader(image, dockerfiles[0])


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


def containers_of(dockerfile: Path) -> list[Container]:
    """The containers of the cluster that run this image."""
    from llmspec.report.place import Source
    from llmspec.report.report import Report
    from llmspec.syntax.node import plain
    from llmspec.syntax.parse import parse

    tag, found = f"-{dockerfile.parent.name}:", []
    for path in sorted((dockerfile.parents[2] / "kubernetes").rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if tag in text:
            source = Source(path.name, text)
            node = parse(source, Report(source))
            found += [each for each in containers_in(plain(node) if node else None) if tag in each["image"]]
    return found


def containers_in(data: Any) -> Iterator[Container]:
    if isinstance(data, dict) and isinstance(data.get("image"), str):
        yield data
    elif isinstance(data, dict | list):
        for each in data.values() if isinstance(data, dict) else data:
            yield from containers_in(each)


def arguments_of(container: Container) -> list[str]:
    return [re.sub(r"\$\((\w+)\)", lambda name: OF_THE_CLUSTER[name[1]], word) for word in container.get("args", ())]


def environment_of(container: Container) -> tuple[str, ...]:
    said = {each["name"]: each["value"] for each in container.get("env", ()) if "value" in each}
    return tuple(part for name, value in said.items() for part in ("--env", f"{name}={value}"))


def called_as_built(container: Container, config: dict[str, Any]) -> None:
    if container.get("command", config["Entrypoint"]) != config["Entrypoint"]:
        raise Failed(f"the cluster starts {container['command']}, the image {config['Entrypoint']}")


@contextmanager
def models(owner: int = 0) -> Iterator[Path]:
    """An empty volume."""
    with TemporaryDirectory(prefix="models-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        os.chown(folder, owner, owner)
        yield folder


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


def check(dockerfiles: list[Path], tag: str, base: str, cache: Path) -> str:
    dockerfile, start = dockerfiles[0], time.monotonic()
    lean = lean_packages(dockerfile)
    build(dockerfile, tag, base, host_mounts(cache, bool(lean)))
    built = time.monotonic()
    config = config_of(tag)
    check_config(config)
    check_files(tag, base)
    check_packages(tag, lean)
    what = run_image(tag, config, dockerfiles)
    notes = "".join(f"; {each} installed WITHOUT {LEAN[each.partition('==')[0]]}" for each in lean)
    return f"built in {built - start:.1f} s, checked in {time.monotonic() - built:.1f} s: {what}{notes}"


def main(base: str, cache: Path, folder: Path) -> int:
    """Two at a time, the slow builders first: others are done while pip unpacks."""
    found = contexts(folder)
    slow_first = sorted(found.items(), key=lambda each: not (each[1][0].parent / "build.sh").exists())

    def judge(digest: str, dockerfiles: list[Path]) -> bool:
        names = ", ".join(str(path.parent.relative_to(folder)) for path in dockerfiles)
        try:
            result = check(dockerfiles, f"localhost/llmspec-check:{digest}", base, cache)
            print(f"ok      {names}: {result}", flush=True)
        except Failed as problem:
            print(f"FAILED  {names}: {problem}", flush=True)
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        passed = sum(pool.map(lambda each: judge(*each), slow_first))
    if not found:
        print(f"no {folder}/*/*/docker/*/Dockerfile: compile first (make generated)")
    print(f"{passed} passed, {len(found) - passed} failed")
    return int(passed < len(found) or not found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]).resolve()))
