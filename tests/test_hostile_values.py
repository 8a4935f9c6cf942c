"""Whatever stands in a spec or a lock: compile answers with files or with codes. What got into files is a value there,
and nothing else: no instruction, no key, no word of a command, no expression.
"""

import copy
import json
import posixpath
import re
import shlex

import pytest
import yaml
from compiling import FULL, SPECS, compiled
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmspec.artifacts.folder import Folder
from llmspec.compiler import compile as compile_spec
from llmspec.lock.lock import FILE
from llmspec.report.place import Source
from llmspec.report.report import Failed, Report
from llmspec.report.writers import writer
from llmspec.report.writers.style import Style
from llmspec.syntax.parse import decode

MARK = "zq7"
"""Stands in every hostile text, so that it can be found wherever it got to."""
TEXTS = (
    f"{MARK}\nRUN {MARK}", f"a\n{MARK}: 1", f'"; {MARK}; "', f"'; {MARK} #", f"$({MARK})", f"`{MARK}`",
    f"${{{MARK}}}", f"${{{{ secrets.{MARK} }}}}", f"{{{{ {MARK} }}}}", f"{{% {MARK} %}}", f"../../{MARK}",
    f"/etc/{MARK}", f"--{MARK}", f"-{MARK}", f"{MARK}: x", f"- {MARK}", f"# {MARK}", f"{MARK}\\", f"&{MARK}",
    f"*{MARK}", f"!{MARK}", f"%{MARK}", f"{MARK}\t", f"{MARK}\r\n", f"{MARK}\x85x", f"{MARK}\u2028x",
    f"\ufeff{MARK}", f"{MARK}\x7f", f"{MARK}.example", f"{MARK}@{MARK}:80/x", f"http://{MARK}", f"*.{MARK}.example",
    MARK, MARK.upper(), f"{MARK}/{MARK}", f"a{MARK}" * 40, f"{MARK}\U0001f600", f"{MARK} ",
)  # fmt: skip
OTHERS = (
    "", "null", "true", "1.10", "1e999", "0x10", "2026-11-23", "=", "<<", "{", "}", "{0}", "%s", ".", "..", "~",
    "[", "a" * 5000, 0, 1, -1, 63, 10**6, 10**18, 10**400, 1.5, 1e308, float("inf"), float("nan"), True, False,
    None, [], {}, [[]], [None], [1], {"kind": "x"}, {"name": "a"}, [{"name": "a"}, {"name": "a"}], {"$unset": True},
    {"": ""}, {"x-": 1}, "10Gi", "999999999999Ti", "0s", "999999h", "0Gi", "0.5", "500m", "latest", "default",
    "chat", "embed", "qdrant", "fetch-hf", "embed-build", "a" * 63,
)  # fmt: skip
HOSTILE = st.one_of(st.sampled_from(TEXTS), st.sampled_from(OTHERS), st.text(max_size=20), st.integers(), st.floats())
DATA = {spec: yaml.safe_load((spec / "llm.yaml").read_text("utf-8")) for spec in SPECS}
USUAL = {path: content for spec in SPECS for path, content in compiled(spec).items()}
"""What the examples give as they are: no need to read it again."""
LOCKS = {spec: yaml.safe_load((spec / FILE).read_text("utf-8")) for spec in SPECS}
ANSWERS = {spec: {"files", "codes"} if spec == FULL else {"codes"} for spec in SPECS}
"""What has to be seen of each: the small examples say so little that nearly every change of one is a mistake."""
QUICK = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


def places(value, path=()):
    """The path of every value in `value`."""
    if path:
        yield path
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in rows:
        yield from places(each, (*path, key))


def changed(data, path, change):
    """A copy with one place replaced, taken away, or given another key."""
    data = inner = copy.deepcopy(data)
    for step in path[:-1]:
        inner = inner[step]
    how, value = change
    old = inner[path[-1]] if how == "replace" else inner.pop(path[-1])
    if how == "replace":
        inner[path[-1]] = value
    elif how == "rename" and isinstance(inner, dict):
        inner[str(value)] = old
    return data


def changes(data):
    how = st.sampled_from(["replace", "replace", "replace", "take away", "rename"])
    return st.tuples(st.sampled_from(list(places(data))), st.tuples(how, HOSTILE))


class Stand(Folder):
    """The folder of an example, with another lock in it."""

    def __init__(self, root, lock):
        super().__init__(root)
        self.lock = lock

    def read(self, path):
        return self.lock if path == FILE and self.lock is not None else super().read(path)


def outcome(spec, data, lock=None):
    """Path → text of what a spec gives, or None where codes were said. Anything else is an exception of ours."""
    report = Report(Source("llm.yaml", ""))
    source = decode("llm.yaml", data, report)
    if source is not None:
        report = Report(source)
        try:
            tree = compile_spec(source, Stand(spec, lock), report, f"specs/{spec.name}").tree
        except Failed:
            pass
        else:
            assert not report.errors
            return {file.path: file.content.decode("utf-8") for file in tree.files}
    assert report.errors
    for style in ("full", "json", "github"):
        said = writer(style)(report.diagnostics(), Style(color=False, width=100))
        assert said.encode("utf-8", "surrogatepass")
        assert "\x1b" not in said
    return None


def judged(files):
    """Which of the two ways to answer an outcome was; files are read first."""
    if files is None:
        return "codes"
    are_sound(files)
    return "files"


def emitted(data):
    return yaml.dump(data, allow_unicode=True, sort_keys=False).encode("utf-8", "surrogatepass")


@QUICK
@given(
    st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
)
def test_any_bytes(data):
    assert outcome(SPECS[0], data) is None
    assert outcome(SPECS[0], (SPECS[0] / "llm.yaml").read_bytes(), data) is None


@QUICK
@given(
    st.lists(st.sampled_from([*"{}[]:,-?&*!|>'\"%@`#\n ", "a", "<<", "---\n", "...\n", "\t", "- ", ": "]), max_size=40)
)
def test_any_syntax(parts):
    assert outcome(SPECS[0], "".join(parts).encode()) is None


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.name)
def test_any_value_anywhere(spec):
    seen = set()

    @settings(QUICK, max_examples=100 if spec == FULL else 200)
    @given(st.lists(changes(DATA[spec]), min_size=1, max_size=2))
    def run(rows):
        data = DATA[spec]
        for path, change in rows:
            try:
                data = changed(data, path, change)
            except (KeyError, IndexError, TypeError, AttributeError):
                continue  # the change before took the place away
        seen.add(judged(outcome(spec, emitted(data))))

    run()
    assert seen >= ANSWERS[spec]


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.name)
def test_any_value_in_the_lock(spec):
    text, seen = (spec / "llm.yaml").read_bytes(), set()

    @settings(QUICK, max_examples=60)
    @given(changes(LOCKS[spec]))
    def run(row):
        seen.add(judged(outcome(spec, text, emitted(changed(LOCKS[spec], *row)))))

    run()
    assert seen >= ANSWERS[spec]


FREE = (
    # each takes text that is written into files as it is, or nearly so
    ("owner: team-care@tarnlight.example", "owner: {0}"),
    ("labels: {tier: gold}", "labels: {{tier: {0}}}"),
    ("{tier: gold}", "{{{0}: gold}}"),
    ("reasoningParser: qwen3", "reasoningParser: {0}"),
    ("reasoningParser: qwen3", "args: {{chat-template: {0}}}"),
    ("storageClass: fast-rwo", "storageClass: {0}"),
    ("registry: registry.tarnlight.example/care", "registry: {0}"),
    ("namespace: helpdesk, labels: {app: helpdesk-api}", "namespace: {0}, labels: {{app: helpdesk-api}}"),
    ("{app: helpdesk-api}", "{{app: {0}}}"),
    ("{app: helpdesk-api}", "{{{0}: x}}"),
    ("name: helpdesk,", "name: {0},"),
    ("hostnames: [chat.tarnlight.example]", "hostnames: [{0}]"),
    ("name: public", "name: {0}"),
    ("analysis: {", "analysis: {{prometheus: {0}, "),
    ("precision: fp16", "precision: fp16\n      onnx: {0}"),
    ("tokenizer: tokenizer.json", "tokenizer: {0}"),
    ("parallelism: {tensor: 2}", "parallelism: {{tensor: 2}}\n    servedName: {0}"),
    ("parallelism: {tensor: 2}", "parallelism: {{tensor: 2}}\n    chatTemplate: {0}"),
    ("uri: s3://tarnlight-models/adapters/handover/2026-10-30", "uri: {0}"),
    ("- name: handover\n", "- name: {0}\n"),
    ("llmspec: 0.1.0", "llmspec: {0}"),
    ("llmspec: 0.1.0", "llmspec: 0.1.0, runner: {0}"),
    ("llmspec: 0.1.0", "llmspec: 0.1.0, branch: {0}"),
    ('value: "2026-11-20"', "value: {0}"),
    ("tarnlight.example~1reviewed", "{0}"),
    ("reason: The platform team wants the date of its last review on every budget.", "reason: {0}"),
    ("  staging:", "  {0}:"),
)


@pytest.mark.parametrize(("old", "new"), FREE, ids=[new.strip() for _, new in FREE])
def test_hostile_text_is_refused_or_a_value(old, new):
    text = (FULL / "llm.yaml").read_text("utf-8")
    assert old in text
    for hostile in TEXTS:
        files = outcome(FULL, text.replace(old, new.format(json.dumps(hostile))).encode("utf-8", "surrogatepass"))
        if files is not None:
            are_sound(files)
            assert "~1reviewed" in old or "{0}: " in new or not keys_with_mark(files), hostile


def are_sound(files):
    """Every file that is not as usual is read by the reader of its format, and has only what it should."""
    for path, text in unusual(files).items():
        if path.endswith((".yaml", ".json")):
            read(path, text)
        elif path.endswith("Dockerfile"):
            is_sound_dockerfile(text)
        elif path.endswith("build.sh"):
            is_sound_script(text)
        if path.startswith(".github/"):
            words = re.sub(r"'[A-Za-z0-9._/-]*'", "''", text)
            assert not re.search(r"\$\{\{[^}]*" + MARK, words)
        if path.endswith("steps.json"):
            data = json.loads(text)
            script = posixpath.normpath(posixpath.join(posixpath.dirname(path), data["tools"], "build.sh"))
            assert commands(files[script]) == [step["argv"] for step in data["steps"]]


def unusual(files):
    return {path: text for path, text in files.items() if USUAL.get(path) != text.encode()}


def read(path, text):
    def refused(word):
        raise AssertionError(f"{path} has {word}, which is no JSON")

    if path.endswith(".json"):
        return json.loads(text, parse_constant=refused)
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe


def is_sound_dockerfile(text):
    """Instructions of ours alone, each on lines of its own."""
    logical = re.sub(r"\\\n", " ", text).split("\n")
    words = [line.split(" ")[0] for line in logical if line and not line.startswith("#")]
    known = {
        "ARG",
        "FROM",
        "LABEL",
        "USER",
        "RUN",
        "COPY",
        "WORKDIR",
        "ENV",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
    }
    assert set(words) <= known
    assert words.count("FROM") == words.count("ENTRYPOINT") == 1
    for line in logical:
        if line.startswith("LABEL "):
            assert re.fullmatch(r'LABEL [a-z.]+="([^"\\$]|\\["\\$])*"', line)
        elif line.startswith("ARG "):
            assert re.fullmatch(r"ARG BASE=[A-Za-z0-9./:_-]+@sha256:[0-9a-f]{64}", line)
        elif line.startswith("ENTRYPOINT "):
            assert all(isinstance(word, str) for word in json.loads(line.removeprefix("ENTRYPOINT ")))


def is_sound_script(text):
    assert all(words[0] == "step" and words[1] in ("cpu", "gpu") for words in step_lines(text))
    assert not [line for line in text.split("\n") if line.startswith(MARK)]


def step_lines(text):
    logical = text.replace("\\\n", " ").split("\n")
    return [shlex.split(line) for line in logical if line.startswith("step ")]


def commands(text):
    return [words[4:] for words in step_lines(text)]


def keys_with_mark(files):
    """Mapping keys that hold hostile text."""
    found = []
    for path, text in unusual(files).items():
        if path.endswith((".yaml", ".json")):
            data = read(path, text)
            found += [step for place in places(data) for step in place if MARK in str(step).lower()]
    return found
