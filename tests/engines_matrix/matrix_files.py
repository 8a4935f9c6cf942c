"""The files that come out for a case, read as what they are: what the rules ask of them."""

import json
import re

import yaml

GPU = "nvidia.com/gpu"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
HERE = "default/"


def rule(where):
    def enrol(function):
        where[function.__name__] = function
        return function

    return enrol


class Files:
    """The files of a case, read when they are asked for."""

    def __init__(self, case, said):
        self.case, self.texts = case, {path.removeprefix(HERE): text for path, text in said.files.items()}
        self.objects = [
            yaml.load(text, LOADER)  # noqa: S506 - both are safe
            for path, text in sorted(self.texts.items())
            if path.startswith("kubernetes/") and re.search(r"/(deployment|leaderworkerset|job)\.yaml$", path)
        ]
        self.jobs = [each for each in self.objects if each["kind"] == "Job"]
        (self.owner,) = [each for each in self.objects if each["kind"] != "Job"]

    def base(self, image):
        """The image that a Dockerfile begins with, and whether it is pinned."""
        reference = re.search(r"^ARG BASE=(\S+)$", self.texts[f"docker/{image}/Dockerfile"], re.MULTILINE)[1]
        name, _, digest = reference.partition("@")
        return name, digest

    @property
    def settings(self):
        return yaml.load(self.texts["engine/chat/serve.yaml"], LOADER)  # noqa: S506

    @property
    def steps(self):
        return json.loads(self.texts.get("engine/chat/steps.json", '{"steps": []}'))

    @property
    def is_set(self):
        return self.owner["kind"] == "LeaderWorkerSet"

    @property
    def pods(self):
        """The specs of a replica's pods: of all, or of the leader and of the workers."""
        if not self.is_set:
            return [self.owner["spec"]["template"]["spec"]]
        template = self.owner["spec"]["leaderWorkerTemplate"]
        return [template[key]["spec"] for key in ("leaderTemplate", "workerTemplate")]

    @property
    def count(self):
        return self.owner["spec"]["leaderWorkerTemplate"]["size"] if self.is_set else 1


def gpus_of(pod):
    return sum(int(each["resources"]["limits"].get(GPU, 0)) for each in pod["containers"])


def expressions(pod):
    """Keys of the node affinity: operator and values."""
    affinity = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = affinity["nodeSelectorTerms"]
    return {each["key"]: (each["operator"], each["values"]) for each in term["matchExpressions"]}


def flags_of(container):
    """Options of a command line: name → word, or True where none follows."""
    words, found = container["args"], {}
    for index, each in enumerate(words):
        if each.startswith("--"):
            name, equals, value = each[2:].partition("=")
            following = words[index + 1] if index + 1 < len(words) else "--"
            found[name] = value if equals else True if following.startswith("--") else following
    return found
