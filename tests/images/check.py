# ruff: noqa: T201
"""Build every Dockerfile of a folder, start its image confined as in the cluster, and ask it: `run.sh` starts this.

An image passes when it builds, runs as a numeric user that is not root, adds neither weights nor secrets, and, started
with a read-only root, no capability and no network: answers its health check and heeds SIGTERM if it serves, or finds
its program and imports if it does not.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PIP_SETTINGS = {"index-url", "extra-index-url", "trusted-host", "proxy", "default-timeout", "timeout", "retries"}
CONFINED = (
    "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--security-opt", "no-new-privileges",
    "--network", "none", "--no-healthcheck",
)  # fmt: skip
READY_SECONDS, STOP_SECONDS, JOB_SECONDS = 20, 10, 30
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


def host_mounts(cache: Path) -> tuple[str, ...]:
    """This machine's way to its package index, mounted over files of the base, so that it leaves no trace."""
    settings = run(sys.executable, "-m", "pip", "config", "list").stdout
    lines = dict(re.findall(r"(?m)^(?:global|user|site|:env:)\.([\w-]+)='(.*)'$", settings))
    config = cache / "pip.conf"
    chosen = {"cert": CERTIFICATES} | {name: value for name, value in lines.items() if name in PIP_SETTINGS}
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


def run_image(image: str, config: dict[str, Any], dockerfile: Path) -> None:
    if health_of(config) != ["NONE"] or config.get("ExposedPorts"):
        check_server(image, config, dockerfile)
    else:
        check_program(image)


def check_program(image: str) -> None:
    """A program that does not serve is asked for its help: enough to find it and to import what it imports."""
    done = run("podman", "run", "--rm", *CONFINED, image, "--help", timeout=JOB_SECONDS)
    if done.returncode in {125, 126, 127} or BROKEN.search(done.stdout):
        raise Failed(f"it does not start (exit {done.returncode}):\n{tail(done.stdout)}")


def check_server(image: str, config: dict[str, Any], dockerfile: Path) -> None:
    arguments = arguments_of(dockerfile)
    mounts = mounts_for([*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ()), *arguments], image, dockerfile)
    container = need("podman", "run", "--detach", *CONFINED, *mounts, image, *arguments).split()[-1]
    try:
        wait_until_healthy(container, config)
        check_process(container)
        check_stop(container)
    finally:
        run("podman", "rm", "--force", "--time", "0", container)


def arguments_of(dockerfile: Path) -> list[str]:
    """What the container of this image is started with in the cluster."""
    from llmspec.report.place import Source
    from llmspec.report.report import Report
    from llmspec.syntax.node import plain
    from llmspec.syntax.parse import parse

    for path in sorted((dockerfile.parents[2] / "kubernetes").rglob("deployment.yaml")):
        source = Source(path.name, path.read_text(encoding="utf-8"))
        node = parse(source, Report(source))
        containers = plain(node)["spec"]["template"]["spec"]["containers"] if node else ()
        for container in containers:
            if f"-{dockerfile.parent.name}:" in container["image"]:
                return list(container.get("args", ()))
    return []


def mounts_for(words: list[str], image: str, dockerfile: Path) -> tuple[str, ...]:
    """Configuration files that the command names and the image lacks: in the cluster a ConfigMap brings them."""
    wanted = {word.split("=")[-1] for word in words if re.search(r"/[\w./-]+\.(ya?ml|json|pbtxt)$", word)}
    with mounted(image) as root:
        missing = sorted(path for path in wanted if not (root / path.lstrip("/")).exists())
    environment = dockerfile.parents[2]
    found = ((path, next(environment.rglob(Path(path).name), None)) for path in missing)
    return tuple(part for path, source in found if source for part in ("--volume", f"{source.resolve()}:{path}:ro"))


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


def check(dockerfile: Path, tag: str, base: str, mounts: tuple[str, ...]) -> str:
    start = time.monotonic()
    build(dockerfile, tag, base, mounts)
    built = time.monotonic()
    config = config_of(tag)
    check_config(config)
    check_files(tag, base)
    run_image(tag, config, dockerfile)
    return f"built in {built - start:.1f} s, checked in {time.monotonic() - built:.1f} s"


def main(base: str, cache: Path, folder: Path) -> int:
    mounts, failed = host_mounts(cache), 0
    found = contexts(folder)
    for digest, dockerfiles in found.items():
        names = ", ".join(str(path.parent.relative_to(folder)) for path in dockerfiles)
        try:
            print(
                f"ok      {names}: {check(dockerfiles[0], f'localhost/llmspec-check:{digest}', base, mounts)}",
                flush=True,
            )
        except Failed as problem:
            failed += 1
            print(f"FAILED  {names}: {problem}", flush=True)
    if not found:
        print(f"no {folder}/*/*/docker/*/Dockerfile: compile first (make generated)")
    print(f"{len(found) - failed} passed, {failed} failed")
    return int(bool(failed) or not found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
