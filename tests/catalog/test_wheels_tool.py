"""The tool reads what a wheel knows by parsing, and merging releases keeps what people wrote."""

import json
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools" / "catalog"))

import of_vllm
import wheels
from merging import dump, gone, merge, past
from source import Sources
from wheel import Wheel

ARGUMENTS = """
import argparse
from typing import TYPE_CHECKING
from vllm.config import CacheConfig, ModelConfig
if TYPE_CHECKING:
    from vllm.layers import Methods
else:
    Methods = str
def get_kwargs(cls):
    if name == "max_model_len":
        kwargs[name]["type"] = human_readable_int_or_auto
class EngineArgs:
    @staticmethod
    def add_cli_args(parser):
        model_kwargs = get_kwargs(ModelConfig)
        group = parser.add_argument_group(title="ModelConfig")
        if not "--help":
            group.add_argument("--model", **model_kwargs["model"])
        group.add_argument("--runner", **model_kwargs["runner"])
        group.add_argument("--quantization", "-q", **model_kwargs["quantization"])
        group.add_argument("--max-model-len", **model_kwargs["max_model_len"])
        backend_kwargs = model_kwargs["backend"]
        backend_kwargs["choices"].remove("hidden")
        group.add_argument("--backend", **backend_kwargs)
        cache_kwargs = get_kwargs(CacheConfig)
        group.add_argument("--MEMORY", "--memory-share", dest="memory", **cache_kwargs["memory"])
        group.add_argument("--enable-caching", **{**cache_kwargs["enable_caching"], "default": None})
        parser.add_argument("--quiet", action="store_true", help="Say less.")
        return parser
class AsyncEngineArgs(EngineArgs):
    @staticmethod
    def add_cli_args(parser, async_args_only=False):
        if not async_args_only:
            parser = EngineArgs.add_cli_args(parser)
        parser.add_argument("--enable-log-requests", action=argparse.BooleanOptionalAction, default=False)
        return parser
"""
FILES = {
    "vllm/__init__.py": "",
    "vllm/config/__init__.py": """
from dataclasses import field
from typing import Any, Literal
from pydantic import Field
from .sizes import SHARE
Runner = Literal["pooling", "auto"]
CacheDType = Literal["auto", "fp8"]
@config
class Inner:
    pass
@config
class ModelConfig:
    model: str = "a/b"
    runner: Runner = "auto"
    quantization: Methods | None = None
    max_model_len: int = Field(default=None, gt=0)
    backend: Literal["fast", "safe", "hidden"] | None = None
    inner: Inner = field(default_factory=Inner)
@config
class CacheConfig:
    memory: float = Field(default=SHARE, gt=0, le=1)
    enable_caching: bool = True
""",
    "vllm/config/sizes.py": "WHOLE = 1\nSHARE = WHOLE - 0.25\n",
    "vllm/config/cache.py": "from . import CacheDType\n",
    "vllm/engine/__init__.py": "",
    "vllm/engine/arg_utils.py": ARGUMENTS,
    "vllm/entrypoints/openai/cli_args.py": """
import json
from vllm.engine.arg_utils import AsyncEngineArgs
@config
class BaseFrontendArgs:
    chat: str | None = None
    @classmethod
    def _customize(cls, frontend_kwargs):
        return frontend_kwargs
    @classmethod
    def add_cli_args(cls, parser):
        from vllm.engine.arg_utils import get_kwargs
        frontend_kwargs = get_kwargs(cls)
        frontend_kwargs = cls._customize(frontend_kwargs)
        for key, value in frontend_kwargs.items():
            parser.add_argument(f"--{key.replace('_', '-')}", **value)
        return parser
@config
class FrontendArgs(BaseFrontendArgs):
    port: int = 8000
    origins: list[str] = field(default_factory=lambda: ["*"])
    extras: list[str] = field(default_factory=list)
    @classmethod
    def _customize(cls, frontend_kwargs):
        frontend_kwargs = super()._customize(frontend_kwargs)
        frontend_kwargs["extras"]["type"] = json.loads
        frontend_kwargs["extras"]["action"] = "append"
        return frontend_kwargs
def make_arg_parser(parser):
    parser = FrontendArgs.add_cli_args(parser)
    parser = AsyncEngineArgs.add_cli_args(parser)
    return parser
""",
    "vllm/model_executor/layers/quantization/__init__.py": """
from typing import Literal, get_args
Methods = Literal["fp8", "awq"]
QUANTIZATION_METHODS: list[str] = list(get_args(Methods))
DEPRECATED_QUANTIZATION_METHODS = ["awq"]
""",
    "vllm/tool_parsers/__init__.py": '_TOOL_PARSERS_TO_REGISTER = {"hermes": ("a", "B"), "dots": ("c", "D")}\n',
    "vllm/reasoning/__init__.py": '_REASONING_PARSERS_TO_REGISTER = {"qwen3": ("a", "B")}\n',
    "vllm/v1/metrics/loggers.py": """
class Logger:
    _counter_cls = Counter
    def __init__(self):
        self._counter_cls(name="vllm:preemptions", documentation="")
        self._gauge_cls(name="vllm:running", documentation="")
        Histogram(name="vllm:tokens_total", documentation="")
        if self.show_hidden_metrics:
            self._gauge_cls(name="vllm:hidden", documentation="")
""",
    "vllm-1.0.dist-info/METADATA": """Metadata-Version: 2.1
Name: vllm
Requires-Dist: torch==2.0
Requires-Dist: transformers<6,>=5.1
Requires-Dist: compressed-tensors==0.1; extra == "odd"
""",
}


@pytest.fixture
def make(tmp_path):
    """Writes a wheel of the fake files, some of them changed, and opens it."""

    def made(**changed):
        path = tmp_path / "fake.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in (FILES | {each.replace("__", "/"): text for each, text in changed.items()}).items():
                archive.writestr(name, text)
        return Wheel(zipfile.ZipFile(path))

    return made


@pytest.fixture
def facts(make, monkeypatch):
    """Facts of a fake wheel whose arguments are written a little differently."""
    monkeypatch.setattr(wheels, "cuda", lambda _torch: "13.0")

    def read(version, arguments=ARGUMENTS):
        files = FILES | {"vllm/engine/arg_utils.py": arguments}
        monkeypatch.setattr(sys.modules[__name__], "FILES", files)
        return wheels.facts(of_vllm, version, make())

    return read


def test_options_have_types_defaults_and_choices(make):
    rows = of_vllm.options(Sources(make().read))
    assert rows == {
        "backend": {"type": "string", "choices": ["fast", "safe"]},
        "chat": {"type": "string"},
        "enable-caching": {"type": "boolean"},
        "enable-log-requests": {"type": "boolean", "default": False},
        "extras": {"type": "list", "default": []},
        "max-model-len": {"note": rows["max-model-len"]["note"]},
        "MEMORY": {"type": "number", "default": 0.75},
        "memory-share": {"type": "number", "default": 0.75, "note": "another name of `MEMORY`"},
        "model": {"type": "string", "default": "a/b"},
        "origins": {"type": "list", "default": ["*"]},
        "port": {"type": "integer", "default": 8000},
        "quantization": {"type": "string"},
        "quiet": {"type": "flag"},
        "runner": {"type": "string", "default": "auto", "choices": ["auto", "pooling"]},
    }


def test_names_are_those_that_the_engine_takes_and_shows(make):
    wheel = make()
    assert of_vllm.names(Sources(wheel.read), wheel) == {
        "deprecatedQuantizations": ["awq"],
        "kvCacheDtypes": ["auto", "fp8"],
        "metrics": ["vllm:preemptions_total", "vllm:running", "vllm:tokens_total"],
        "quantizations": ["awq", "fp8"],
        "reasoningParsers": ["qwen3"],
        "toolCallParsers": ["dots", "hermes"],
    }


def test_a_release_has_its_pins_and_its_driver(facts):
    row = facts("1.0")["release"]
    assert row["pins"] == {"torch": "2.0", "transformers": "<6,>=5.1"}
    assert (row["cuda"], row["driver"]) == ("13.0", 580)
    assert row["source"].count("1.0") == 1


def test_a_rename_ends_one_row_and_begins_another(facts):
    table = merge({"title": "x", "releases": {}}, "1.0", facts("1.0"))
    table = merge(table, "2.0", facts("2.0", ARGUMENTS.replace("--quiet", "--silent")))
    rows = table["commands"]["vllm serve"]
    assert rows["quiet"] == [{"until": "2.0", "type": "flag"}]
    assert rows["silent"] == [{"since": "2.0", "type": "flag"}]
    assert rows["port"] == [{"type": "integer", "default": 8000}]
    assert list(gone(table)) == ["vllm serve: quiet is gone since 2.0"]


def test_a_changed_fact_begins_a_row(facts):
    changed = ARGUMENTS.replace('action="store_true"', "action=argparse.BooleanOptionalAction")
    table = merge({"title": "x", "releases": {}}, "1.0", facts("1.0"))
    table = merge(table, "2.0", facts("2.0", changed))
    assert table["commands"]["vllm serve"]["quiet"] == [
        {"until": "2.0", "type": "flag"},
        {"since": "2.0", "type": "boolean"},
    ]


def test_what_people_wrote_survives(facts):
    table = merge({"title": "x", "releases": {}}, "1.0", facts("1.0"))
    table = merge(table, "3.0", facts("3.0", ARGUMENTS.replace("--quiet", "--silent")))
    rows = table["commands"]["vllm serve"]
    rows["quiet"][0] |= {"until": "2.5", "instead": "write `silent`"}
    rows["port"][0] |= {"note": "ours", "deprecated": "3.0"}
    rows["task"] = [{"until": "0.5", "type": "string", "instead": "write `runner`"}]
    table |= {"words": {"port": [{"name": "8000"}]}, "quantizations": {"fp8": [{"capabilities": ["8.9"]}]}}
    table["releases"]["1.0"]["images"] = {"serve": "a:b"}
    again = merge(table, "2.0", facts("2.0", ARGUMENTS.replace("zzz", "")))
    again = merge(again, "3.0", facts("3.0", ARGUMENTS.replace("--quiet", "--silent")))
    kept = again["commands"]["vllm serve"]
    assert kept["task"] == rows["task"]
    assert kept["port"][0]["note"] == "ours"
    assert kept["port"][0]["deprecated"] == "3.0"
    assert kept["quiet"] == [{"until": "2.5", "type": "flag", "instead": "write `silent`"}]
    assert again["words"] == table["words"]
    assert again["quantizations"] == table["quantizations"]
    assert again["releases"]["1.0"]["images"] == {"serve": "a:b"}


def test_a_second_reading_changes_nothing(facts):
    table = merge({"title": "x", "releases": {}}, "1.0", facts("1.0"))
    assert dump(merge(table, "1.0", facts("1.0"))) == dump(table)
    assert json.loads(dump(table)) == table


def test_what_only_earlier_releases_had_is_past(facts):
    table = merge({"title": "x", "releases": {}}, "2.0", facts("2.0"))
    early = facts("1.0")["commands"]["vllm serve"] | {"task": {"type": "string", "default": "auto"}}
    late = facts("1.5")["commands"]["vllm serve"]
    found = past(table, "vllm serve", {"1.0": early, "1.5": late})
    assert found["commands"]["vllm serve"]["task"] == [{"until": "1.5", "type": "string"}]


def test_check_writes_nothing_and_says_so(make, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(wheels, "fetch", lambda _package, _version: make())
    monkeypatch.setattr(wheels, "cuda", lambda _torch: "")
    assert wheels.main(["vllm", "1.0", "--check"], tmp_path) == 1
    assert not (tmp_path / "vllm.json").exists()
    assert wheels.main(["vllm", "1.0"], tmp_path) == 0
    assert wheels.main(["vllm", "1.0", "--check"], tmp_path) == 0
    assert "is current" in capsys.readouterr().out
