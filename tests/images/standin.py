#!/usr/bin/python3
# ruff: noqa: T201
"""Stands in for the GPU programs `vllm`, `trtllm-serve` and `tritonserver`: no GPU and no room for them here.

It serves no model: it reads the port as the real program does and answers its health and listing paths, so that a
built image can be started and asked. It runs under the name of the program it stands in for, with nothing but
Python's standard library.
"""

import json
import re
import signal
import sys
from argparse import ArgumentParser, Namespace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

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


def port_of(options: Namespace) -> int:
    """The port of the command line, or of the flat YAML file that `--config` names, or 8000."""
    if options.port is None and options.config:
        said = re.search(r"(?m)^port:\s*[\"']?(\d+)", Path(options.config).read_text(encoding="utf-8"))
        return int(said[1]) if said else 8000
    return options.port or 8000


def openai(parser: ArgumentParser, argv: list[str]) -> tuple[int, dict[str, str]]:
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("model", nargs="?")
    parser.add_argument("--config")
    parser.add_argument("--port", type=int)
    options, _ = parser.parse_known_args(argv)
    return port_of(options), OPENAI


def triton(parser: ArgumentParser, argv: list[str]) -> tuple[int, dict[str, str]]:
    parser.add_argument("--model-repository", required=True)
    parser.add_argument("--http-port", type=int, default=8000)
    options, _ = parser.parse_known_args(argv)
    return options.http_port, TRITON


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
    name = Path(sys.argv[0]).name
    parser = ArgumentParser(prog=name, description=__doc__, allow_abbrev=False)
    port, answers = (triton if name == "tritonserver" else openai)(parser, sys.argv[1:])
    signal.signal(signal.SIGTERM, stop)
    print(f"{name}: a stand-in, on port {port}", flush=True)
    ThreadingHTTPServer(("0.0.0.0", port), handler(answers)).serve_forever()  # noqa: S104


if __name__ == "__main__":
    main()
