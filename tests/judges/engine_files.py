"""What is generated for an environment, as the rules on engines read it.

Files are texts by path below the folder of the environment; the pipeline's, which is for all of them, is among them.
"""

import json
import re

import yaml
from rules_release import products

from llmspec.catalog.tables import gpus as gpu_rows

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def texts(environment):
    """The files of an environment, with the service's pipeline."""
    found = {path.relative_to(environment).as_posix(): path for path in environment.rglob("*") if path.is_file()}
    pipelines = (environment.parent / ".github").rglob("*.y*ml")
    found |= {f"../{path.relative_to(environment.parent).as_posix()}": path for path in pipelines}
    return {name: path.read_text("utf-8") for name, path in sorted(found.items())}


def objects(files, *kinds):
    for path, text in files.items():
        if path.startswith("kubernetes/") and path.endswith(".yaml"):
            each = yaml.load(text, LOADER)  # noqa: S506 - both are safe
            if isinstance(each, dict) and each.get("kind") in kinds:
                yield each


def pods(files):
    """Each pod's spec with its owner."""
    for each in objects(files, "Deployment", "StatefulSet", "Job", "LeaderWorkerSet"):
        if each["kind"] == "LeaderWorkerSet":
            template = each["spec"]["leaderWorkerTemplate"]
            yield from ((each, template[key]["spec"]) for key in ("leaderTemplate", "workerTemplate"))
        else:
            yield each, each["spec"]["template"]["spec"]


def program(container):
    words = container.get("command", [""])
    return "sglang" if "sglang.launch_server" in words else words[0]


def servers(files, *programs):
    """Containers that run a server, with their owner and pod."""
    for owner, pod in pods(files):
        for container in pod["containers"]:
            if program(container) in programs:
                yield owner, pod, container


def dockerfiles(files):
    """Name of the image → its base, without the digest."""
    rows = {path: text for path, text in files.items() if path.endswith("/Dockerfile")}
    return {
        path.split("/")[-2]: re.search(r"^ARG BASE=(\S+)$", text, re.MULTILINE)[1].partition("@")[0]
        for path, text in rows.items()
    }


def settings(files):
    """The options that each model is served with, by model: the file, and the flags of its command line beside it."""
    for path, text in files.items():
        if re.fullmatch(r"engine/[^/]+/serve\.yaml", path):
            yield path.split("/")[1], yaml.load(text, LOADER)  # noqa: S506


def steps(files):
    for path, text in files.items():
        if path.endswith("/steps.json"):
            yield from ((path.split("/")[1], each) for each in json.loads(text)["steps"])


def trtexec(files):
    return [(model, each) for model, each in steps(files) if each["argv"][0] == "trtexec"]


def month(reference):
    found = re.search(r":(\d\d)\.(\d\d)-", reference)
    return (int(found[1]), int(found[2])) if found else None


def everywhere(files, pattern):
    """Where a word stands, in what is run or read by a program."""
    for path, text in files.items():
        for number, line in enumerate(text.split("\n"), 1):
            if re.search(pattern, line):
                yield f"{path}:{number}: {line.strip()[:80]}"


def capabilities(pod):
    """Of the GPUs that a pod may land on."""
    names = products(pod)
    return {row.compute_capability for row in gpu_rows().values() if names & set(row.products)}
