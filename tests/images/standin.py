#!/usr/bin/python3
# ruff: noqa: T201
"""Stands in for the GPU programs of ENGINES: no GPU and no room for them here.

It serves no model: it reads its command line as the real program does, refuses what that would refuse (a file that is
not there, an address that no probe reaches), and then answers health and listing paths, so that a built image can be
started and asked. It lies where the program that it stands in for lies, and needs nothing but Python's standard
library. Anywhere else it prints those places.
"""

import ast
import json
import re
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import NoReturn

OPENAI = {
    "/health": "",
    "/v1/models": json.dumps({"object": "list", "data": [{"id": "stand-in", "object": "model"}]}),
    "/version": json.dumps({"version": "0.0.0"}),
}
TRITON = {
    "/v2": json.dumps({"name": "triton", "version": "0.0.0"}),
    "/v2/health/live": "",
    "/v2/health/ready": "",
}
REACHED = {"0.0.0.0", "::"}  # noqa: S104 (compared only)
OF_TRITON = {"numpy", "triton_python_backend_utils"}
"""What Triton's own image brings for Python models, and this base lacks."""


@dataclass(frozen=True)
class Server:
    """An engine that loads a checkpoint and speaks OpenAI's protocol."""

    command: str | None = None
    model: str = "model"
    host: str = "localhost"
    port: int = 8000
    required: tuple[str, ...] = ()
    configured: bool = True
    """Whether the file of `--config`, flat YAML, may hold host and port, too."""
    option: str = r"--[a-z][\w.-]*(=.*)?"
    """How an option is spelled."""
    answers: dict[str, str] = field(default_factory=lambda: OPENAI)

    def __call__(self, argv: list[str]) -> int:
        parser = ArgumentParser(allow_abbrev=False)
        if self.command:
            parser.add_argument("command", choices=[self.command])
        parser.add_argument(self.model)
        for option in {"--config", "--host", "--port", *self.required}:
            parser.add_argument(option, required=option in self.required)
        given, _ = parser.parse_known_args(argv)
        for word in argv:
            if word.startswith("--") and not re.fullmatch(self.option, word):
                fail(f"no such option: {word}")
        must_exist(argv)
        model = Path(getattr(given, self.model.strip("-").replace("-", "_")))
        if not (model / "config.json").is_file():
            fail(f"{model}: no checkpoint, config.json is missing")
        settings = pairs(Path(given.config)) if given.config else {}
        found = (settings if self.configured else {}) | {k: v for k, v in vars(given).items() if v is not None}
        if (host := found.get("host", self.host)) not in REACHED:
            fail(f"it would listen on {host}, where no probe reaches it")
        return int(found.get("port", self.port))


class Triton:
    answers = TRITON

    def __call__(self, argv: list[str]) -> int:
        parser = ArgumentParser(allow_abbrev=False)
        parser.add_argument("--model-repository", type=Path, required=True)
        parser.add_argument("--http-port", type=int, default=8000)
        given, _ = parser.parse_known_args(argv)
        must_exist(argv)
        configs = {path.parent.name: path.read_text() for path in given.model_repository.glob("*/config.pbtxt")}
        if not configs:
            fail(f"{given.model_repository}: no models")
        for name, text in configs.items():
            if f'name: "{name}"' not in text:
                fail(f"{name}: the configuration is of another model")
            if missing := set(re.findall(r'model_name: "(.*?)"', text)) - configs.keys():
                fail(f"{name}: its steps name {', '.join(sorted(missing))}, which the repository lacks")
            if re.search(r'(?m)^backend: "python"', text):
                load(given.model_repository / name)
        return given.http_port


def load(model: Path) -> None:
    """Parse a Python model and import what it imports; it is not run."""
    (code,) = model.glob("*/model.py")
    tree = ast.parse(code.read_text(encoding="utf-8"), str(code))
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {each.name for each in node.names}
        if isinstance(node, ast.ImportFrom):
            modules.add(node.module)
    if not any(isinstance(node, ast.ClassDef) and node.name == "TritonPythonModel" for node in tree.body):
        fail(f"{code}: no class TritonPythonModel")
    for module in sorted(modules - OF_TRITON):
        import_module(module)
    print(f"{code} parses; imported {', '.join(sorted(modules - OF_TRITON))}", flush=True)


class Trtexec:
    """Writes a plan of its own beside the graph it was given. It serves nothing."""

    answers = {}

    def __call__(self, argv: list[str]) -> None:
        given = dict(re.findall(r"^--(\w+)=?(.*)$", "\n".join(argv), re.MULTILINE))
        if not Path(given["onnx"]).read_bytes():
            fail(f"{given['onnx']}: empty")
        Path(given["saveEngine"]).write_text("a stand-in for a plan\n")


UNDERSCORES = r"--[a-z][a-z0-9_]*(=.*)?"
ENGINES: dict[str, Callable[[list[str]], int | None]] = {
    "/usr/local/bin/vllm": Server(command="serve", host="0.0.0.0"),  # noqa: S104
    "/usr/local/bin/trtllm-serve": Server(
        command="serve", required=("--host", "--port", "--config"), configured=False, option=UNDERSCORES
    ),
    "/usr/lib/python3/dist-packages/sglang/launch_server.py": Server(model="--model-path", port=30000),
    "/usr/local/bin/tritonserver": Triton(),
    "/usr/local/bin/trtexec": Trtexec(),
}
"""Where each lies in the base → how it is called. An engine more is a line more."""


def must_exist(argv: list[str]) -> None:
    for path in (word.split("=", 1)[-1] for word in argv):
        if path.startswith("/") and not Path(path).exists():
            fail(f"{path}: no such file")


def pairs(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8")
    return {key.replace("-", "_"): value for key, value in re.findall(r"(?m)^([\w-]+):\s*[\"']?([^\s\"']+)", text)}


def fail(text: str) -> NoReturn:
    sys.exit(f"stand-in: {text}")


def handler(answers: dict[str, str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(self.path, "no such path").encode()
            self.send_response(200 if self.path in answers else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def stop(*_: object) -> None:
    sys.exit(0)


def main() -> None:
    place = str(Path(__file__).absolute())
    if place not in ENGINES:
        print("\n".join(ENGINES))
        return
    engine = ENGINES[place]
    port = engine(sys.argv[1:])
    if port is None:
        return
    signal.signal(signal.SIGTERM, stop)
    print(f"{place}: a stand-in, on port {port}", flush=True)
    ThreadingHTTPServer(("0.0.0.0", port), handler(engine.answers)).serve_forever()  # noqa: S104


if __name__ == "__main__":
    main()
