"""Digests of images, asked of a registry on loopback that answers as the OCI distribution specification says."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from llmspec.lock.registry import Unresolved, resolve, split

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("python:3.13-slim", ("registry-1.docker.io", "library/python", "3.13-slim")),
        ("qdrant/qdrant:v1", ("registry-1.docker.io", "qdrant/qdrant", "v1")),
        ("nvcr.io/nvidia/tritonserver:26.06-py3", ("nvcr.io", "nvidia/tritonserver", "26.06-py3")),
        ("localhost:5000/a/b:c", ("localhost:5000", "a/b", "c")),
    ],
)
def test_references(reference, parts):
    assert split(reference) == parts


@pytest.fixture
def registry():
    answers = {}

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            status, headers = answers.get(self.path, (404, {}))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", answers
    server.shutdown()
    server.server_close()


def test_the_digest_of_a_tag(registry):
    host, answers = registry
    answers["/v2/a/b/manifests/v1"] = (200, {"Docker-Content-Digest": DIGEST})
    assert resolve(f"{host}/a/b:v1") == DIGEST


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, {}), "404"),
        ((200, {}), "no digest"),
        ((200, {"Docker-Content-Digest": "sha256:xyz"}), "no digest"),
        ((401, {"WWW-Authenticate": 'Bearer realm="file:///etc/passwd"'}), "401"),
        ((401, {"WWW-Authenticate": 'Bearer realm="http://169.254.169.254/token"'}), "401"),
        ((500, {}), "500"),
    ],
)
def test_what_is_no_answer(registry, answer, words):
    host, answers = registry
    answers["/v2/a/b/manifests/v1"] = answer
    with pytest.raises(Unresolved, match=words):
        resolve(f"{host}/a/b:v1")


def test_nobody_there():
    with pytest.raises(Unresolved, match="cannot be reached"):
        resolve("127.0.0.1:1/a/b:v1")
