"""A real tritonserver, on a CPU, that serves a model repository as llmspec writes it.

The wheel nvidia-pytriton brings the server with its python backend and ensembles, and no other backend. So whatever
is `tensorrt_plan` is served by onnx_model.py instead, which runs the graph that the plan is built from. All else is as
generated: the ensemble, the tokenizer, names, shapes, batching.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

HERE = Path(__file__).parent
DEADLINE = 60
ONLY_TENSORRT = ("cc_model_filenames", "default_model_filename", "instance_group", "optimization")
"""What the config of a plan says about plans and GPUs."""


class Refused(Exception):
    """The server ended before it was ready; its log says why."""


@contextmanager
def serving(repository, work, *, graphs, tokenizer=None):
    """The base URL of a server of `repository`, changed in a copy under `work`: for each plan the graph that
    `graphs` names, and for each tokenizer the file `tokenizer`."""
    copied = Path(work) / "repository"
    shutil.copytree(repository, copied)
    for path in copied.glob("*/config.pbtxt"):
        adapt(path, graphs, tokenizer)
    log = Path(work) / "log.txt"
    port = free_port()
    with log.open("w") as file:
        server = subprocess.Popen(command(copied, port), env=environment(), stdout=file,
                                  stderr=subprocess.STDOUT)  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            wait(server, url, log)
            yield url
        finally:
            stop(server)


def adapt(path, graphs, tokenizer):
    """Let what stands in for it serve the model of a config.pbtxt."""
    config = text_format.Parse(path.read_text("utf-8"), ModelConfig())
    if config.platform == "tensorrt_plan":
        for field in ("platform", *ONLY_TENSORRT):
            config.ClearField(field)
        config.backend = "python"
        config.instance_group.add(count=1, kind=ModelInstanceGroup.KIND_CPU)
        config.parameters["graph"].string_value = str(graphs[path.parent.name])
        version = path.parent / "1"
        version.mkdir(exist_ok=True)
        shutil.copyfile(HERE / "onnx_model.py", version / "model.py")
    elif "tokenizer" in config.parameters:
        config.parameters["tokenizer"].string_value = str(tokenizer)
    path.write_text(text_format.MessageToString(config), "utf-8")


def installed():
    """The folder of the server's files. The package is not imported: it would start to make a server of its own."""
    return Path(importlib.util.find_spec("pytriton").submodule_search_locations[0]) / "tritonserver"


def command(repository, port):
    return (
        installed() / "bin" / "tritonserver", f"--model-repository={repository}",
        f"--backend-directory={installed() / 'backends'}", "--http-address=127.0.0.1", f"--http-port={port}",
        "--allow-grpc=false", "--allow-metrics=false", "--exit-on-error=true", "--strict-readiness=true",
        "--disable-auto-complete-config", "--http-thread-count=4",
    )  # fmt: skip


def environment():
    """PYTHONPATH would reach the stub and corrupt tensors; libpython has to be the one that made the environment."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    path = f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"
    return {**kept, "PATH": path, "LD_LIBRARY_PATH": sysconfig.get_config_var("LIBDIR")}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait(server, url, log):
    for _ in range(DEADLINE * 10):
        if server.poll() is not None:
            raise Refused(log.read_text("utf-8", "replace"))
        try:
            with urllib.request.urlopen(f"{url}/v2/health/ready", timeout=5):  # noqa: S310 (our own server)
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"not ready after {DEADLINE} s:\n{log.read_text('utf-8', 'replace')}")


def stop(server):
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
