"""Breakages that people reported, each as a spec: it is refused with a code and a word of what to do, or what comes out
does not have the fault. References are issues, or `7.n`: the n-th of the mistakes that an expert would laugh at.
"""

import re

import pytest
from matrix_cases import Plan, Server
from matrix_files import Files, flags_of
from matrix_plans import plan_steps
from matrix_spec import CHECKPOINTS, GRAPHS, SHAPES, SMALL, lock_of, outcome, spec_of
from matrix_table import versions

import llmspec.catalog.tables
import llmspec.passes.resolve
from llmspec.catalog.tables import GpuRow

VLLM, TRTLLM, TENSORRT = "vllm", "tensorrt-llm", "tensorrt"
PROFILES = [{"batch": [1, 4, 8], "sequence": [8, 32, 64]}]


def vllm(version="0.24.0", **more):
    return {"engine": {"kind": VLLM, "version": version, **more}, "hardware": {"gpu": "h100-sxm"}}


def trtllm(version="1.2.1", **more):
    return {"engine": {"kind": TRTLLM, "version": version, **more}, "hardware": {"gpu": "h100-sxm"}}


def graph(version="11.0.0", **more):
    engine = {"kind": TENSORRT, "version": version, "profiles": PROFILES, **more}
    return {"task": "embed", "engine": engine, "hardware": {"gpu": "l4"}}


def option(version, name, value=True):
    return vllm(version, args={name: value})


def sglang(name, value):
    return {"engine": {"kind": "sglang", "version": "0.5.23", "args": {name: value}}, "hardware": {"gpu": "h100-sxm"}}


def setting(name, value, version="1.2.1"):
    return trtllm(version, config={name: value})


TEXTS = {"calibration": {"file": "calibration.jsonl", "samples": 8}}
HEADS = {"attentionHeads": 40, "kvHeads": 8}
REFUSED = (
    # reference, model, facts of the lock, code, the key it points at, a word of the help
    ("kserve#6037", option("0.24.0", "swap-space", 4), {}, "LS362", "engine.args.swap-space", "kv-offloading-size"),
    ("kserve#6037", option("0.24.0", "disable-log-requests"), {}, "LS362", "engine.args.disable-log-requests",
     "enable-log-requests"),
    ("kserve#4883", option("0.20.0", "num-scheduler-steps", 8), {}, "LS362", "engine.args.num-scheduler-steps", "gone"),
    ("opendatahub-io/kserve#1005", option("0.33.0", "guided-decoding-backend", "xgrammar"), {}, "LS362",
     "engine.args.guided-decoding-backend", "structured-outputs-config"),
    ("ai-dynamo/dynamo#8693", option("0.24.0", "enable-reasoning"), {}, "LS362", "engine.args.enable-reasoning",
     "reasoning-parser"),
    ("InferenceX#1371", option("0.33.0", "max-num-partial-prefills", 2), {}, "LS362",
     "engine.args.max-num-partial-prefills", "long-prefill-token-threshold"),
    ("tpu-recipes#217", option("0.33.0", "device", "cuda"), {}, "LS362", "engine.args.device", "gone since 0.10.0"),
    ("7.10", option("0.33.0", "task", "embed"), {}, "LS362", "engine.args.task", "runner: pooling"),
    ("7.10", option("0.24.0", "use-v2-block-manager"), {}, "LS362", "engine.args.use-v2-block-manager", "gone"),
    ("7.10", option("0.24.0", "preemption-mode", "swap"), {}, "LS362", "engine.args.preemption-mode", "gone"),
    ("7.10, too early", option("0.19.0", "spec-method", "ngram"), {}, "LS362", "engine.args.spec-method", "came with"),
    ("7.10, deprecated", option("0.33.0", "log-config-file", "x"), {}, "LS369", "engine.args.log-config-file",
     "logging-config"),
    ("7.10, beside ours", option("0.24.0", "gpu-memory-utilization", 0.8), {}, "LS363",
     "engine.args.gpu-memory-utilization", "remove"),
    ("kserve#5789-class, a typo", option("0.24.0", "tensor-paralel-size", 2), {}, "LS362",
     "engine.args.tensor-paralel-size", "tensor-parallel-size"),
    ("vllm#4327", trtllm() | {"hardware": {"gpu": "a100-80-sxm"}}, CHECKPOINTS["fp8 of ModelOpt"], "LS377", "metadata",
     "int4-awq"),
    ("huggingface-llama-recipes#21", vllm("0.26.0") | {"hardware": {"gpu": "a10g"}}, CHECKPOINTS["fp8 of ModelOpt"],
     "LS377", "metadata", ""),
    ("vllm#31387", vllm("0.26.0") | {"hardware": {"gpu": "a100-80-sxm"}, "quantization": {"method": "fp8"}}, {},
     "LS392", "quantization.method", ""),
    ("truss#1044", trtllm() | {"hardware": {"gpu": "a10g"}, "quantization": {"method": "fp8", **TEXTS}}, {}, "LS377",
     "quantization.method", "method"),
    ("vllm#2652", vllm() | {"parallelism": {"tensor": 3}}, HEADS, "LS334", "parallelism.tensor", "tensor: 4"),
    ("vllm#4232", vllm() | {"parallelism": {"tensor": 16}}, HEADS | {"attentionHeads": 56}, "LS334",
     "parallelism.tensor", "tensor: 8"),
    ("vllm#52535", vllm() | {"parallelism": {"tensor": 4}}, {"attentionHeads": 24, "kvHeads": 6}, "LS395",
     "parallelism.tensor", "tensor: 2"),
    ("gpustack#2259", trtllm() | {"parallelism": {"tensor": 3}}, {}, "LS334", "parallelism.tensor", "tensor: 4"),
    ("TensorRT-LLM#15918", trtllm("1.3.0rc29", backend="tensorrt"), {}, "LS348", "engine.backend", "remove `backend`"),
    ("TensorRT-LLM#8223", trtllm("1.3.0rc20", backend="tensorrt"), {}, "LS349", "engine.backend", "backend: pytorch"),
    ("TensorRT-LLM#8564", trtllm("1.2.1", backend="tensorrt"), {}, "LS349", "engine.backend", "needs no build"),
    ("LLMKube#1424", vllm("0.24.0") | {"hardware": {"gpu": "l4", "driver": "570.86"}}, {}, "LS399", "hardware.driver",
     "580"),
    ("kserve#4513", trtllm() | {"hardware": {"gpu": "h200", "driver": "550.54.15"}}, {}, "LS399", "hardware.driver",
     "pin an older release"),
    ("TensorRT-LLM#222, one plan for two GPUs", vllm() | {
        "hardware": {"gpu": "a100-80-sxm", "alternatives": ["a10g"]}, "parallelism": {"tensor": 2}}, {}, "LS359",
     "parallelism", "remove `alternatives`"),
    ("7.9, NVFP4 on Hopper", trtllm("1.2.1"), CHECKPOINTS["nvfp4 of ModelOpt"], "LS377", "metadata", "fp8"),
    ("7.9, weights alone", trtllm("1.3.0rc20"), CHECKPOINTS["nvfp4 of ModelOpt"], "LS392", "metadata", ""),
    ("7.9, scales", vllm() | {"quantization": {"kvCache": "fp8"}}, {}, "LS390", "quantization.kvCache", "fp8-cast"),
    ("7.9, scales", trtllm() | {"quantization": {"kvCache": "fp8"}}, CHECKPOINTS["fp8 of ModelOpt"], "LS390",
     "quantization.kvCache", "calibration"),
    ("7.9, SmoothQuant", trtllm() | {"quantization": {"method": "int8-smoothquant", **TEXTS}}, {}, "LS311",
     "quantization.method", "int4-awq"),
    ("7.9, weights without texts", trtllm() | {"quantization": {"method": "fp8"}}, {}, "LS389", "quantization.method",
     "calibration"),
    ("7.8", setting("quant_config", {"quant_algo": "FP8"}), {}, "LS362", "engine.config.quant_config", "checkpoint"),
    ("7.8", setting("build_config", {"max_batch_size": 8}), {}, "LS362", "engine.config.build_config", "max_seq_len"),
    ("7.8", setting("pytorch_backend_config", {}), {}, "LS362", "engine.config.pytorch_backend_config", "gone"),
    ("7.8", setting("use_cuda_graph", value=True), {}, "LS362", "engine.config.use_cuda_graph", "cuda_graph_config"),
    ("7.8", setting("cuda_graph_config", {"batch_size": [1]}), {}, "LS362",
     "engine.config.cuda_graph_config.batch_size", "batch_sizes"),
    ("7.8, set by us", setting("return_perf_metrics", value=False), {}, "LS363", "engine.config.return_perf_metrics",
     "remove"),
    ("7.12, opset", graph(), SMALL | GRAPHS["a graph of opset 28"], "LS376", "metadata", "opset 24"),
    ("7.12, pooling", graph(), SMALL | GRAPHS["an embedder without pooling"], "LS371", "metadata", "pooling"),
    ("7.14", trtllm(gpuMemoryUtilization=0.9), {}, "LS201", "engine.gpuMemoryUtilization", ""),
    ("7.14", vllm(freeGpuMemoryFraction=0.9), {}, "LS201", "engine.freeGpuMemoryFraction", ""),
    ("7.14", setting("kv_cache_config", {"free_gpu_memory_fraction": 0.92}), {}, "LS363",
     "engine.config.kv_cache_config.free_gpu_memory_fraction", "remove"),
    ("7.2", graph("10.16.1", precision="int8"), SMALL | GRAPHS["a pooled embedder"], "LS205", "engine.precision", ""),
    ("7.2, a workspace", graph(maxWorkspaceSize=1), SMALL | GRAPHS["a pooled embedder"], "LS201",
     "engine.maxWorkspaceSize", ""),
    ("tensorrtllm_backend#531, a release of tomorrow", graph("11.9.0"), SMALL | GRAPHS["a pooled embedder"], "LS361",
     "engine.version", "11.2.1"),
    ("TensorRT-LLM#1038, a release of nobody", trtllm("1.2.9"), {}, "LS361", "engine.version", "1.3.0rc20"),
    ("InferenceX#1587", vllm() | {"context": {"maxModelLen": 131072}}, {}, "LS333", "context.maxModelLen", "32768"),
    ("vllm#27508-class", vllm() | {"hardware": {"gpu": "l4"}}, SHAPES["large"], "LS335", "name", "tensor: 4"),
    ("llm-d#8469-class, more than a node", trtllm() | {"parallelism": {"tensor": 16}}, {}, "LS398", "parallelism",
     "kind: vllm"),
    ("vllm#37982", vllm() | {"parallelism": {"tensor": 2}, "resources": {"memory": "9Gi"}}, {}, "LS364",
     "resources.memory", "16Gi"),
    ("7.1, int4 by name", trtllm(backend="tensorrt") | {"quantization": {"method": "gptq"}}, CHECKPOINTS["gptq"],
     "LS350", "quantization.method", "pytorch"),
    ("7.7, a parser of another engine", trtllm(toolCallParser="hermes"), {}, "LS365", "engine.toolCallParser", ""),
    # options that other keys of the spec decide, by whatever name
    ("7.10, gone from the formats", option("0.33.0", "quantization", "bitsandbytes"), {}, "LS363",
     "engine.args.quantization", "remove it here"),
    ("7.9, past the rows of precision", option("0.24.0", "quantization", "fp8") | {"hardware": {"gpu": "t4"}}, {},
     "LS363", "engine.args.quantization", "remove it here"),
    ("7.9, without scales", option("0.24.0", "kv-cache-dtype", "fp8"), {}, "LS363", "engine.args.kv-cache-dtype",
     "remove it here"),
    ("two GPUs wanted, one asked for", option("0.24.0", "pipeline-parallel-size", 2), {}, "LS363",
     "engine.args.pipeline-parallel-size", "remove it here"),
    ("two GPUs wanted, one asked for", option("0.24.0", "data-parallel-size", 2), {}, "LS363",
     "engine.args.data-parallel-size", "remove it here"),
    ("a second node that is not there", option("0.24.0", "nnodes", 2), {}, "LS363", "engine.args.nnodes", "remove it"),
    ("another file of settings", option("0.24.0", "config", "/tmp/other.yaml"), {}, "LS363", "engine.args.config",
     "remove it here"),
    ("a parser of nobody", option("0.24.0", "tool-call-parser", "nobody"), {}, "LS363", "engine.args.tool-call-parser",
     "remove it here"),
    ("two GPUs wanted, one asked for", sglang("pp-size", 2), {}, "LS363", "engine.args.pp-size", "remove it here"),
    ("four GPUs wanted by another name", sglang("tensor-parallel-size", 4), {}, "LS363",
     "engine.args.tensor-parallel-size", "remove it here"),
    ("7.14, a fraction by another name", option("0.33.0", "device-memory-utilization", 0.5), {}, "LS363",
     "engine.args.device-memory-utilization", "remove it here"),
    ("two GPUs wanted, one asked for", setting("pipeline_parallel_size", 2), {}, "LS363",
     "engine.config.pipeline_parallel_size", "remove it here"),
    ("two GPUs wanted, one asked for", setting("context_parallel_size", 2), {}, "LS363",
     "engine.config.context_parallel_size", "remove it here"),
    ("experts on GPUs that are not there", setting("moe_expert_parallel_size", 8), {}, "LS363",
     "engine.config.moe_expert_parallel_size", "remove it here"),
    ("7.9, without scales", setting("kv_cache_config", {"dtype": "fp8"}), {}, "LS363",
     "engine.config.kv_cache_config.dtype", "remove it here"),
    ("TensorRT-LLM#222", trtllm(backend="tensorrt") | {"hardware": {"gpu": "a100-80-sxm", "alternatives": ["a10g"]}},
     {}, "LS350", "hardware.alternatives", "on the GPU that it was built on"),
    ("7.1, quantized twice", trtllm(backend="tensorrt"), CHECKPOINTS["fp8 of ModelOpt"], "LS350", "metadata",
     "not quantized"),
)  # fmt: skip


CANARY = (
    "release: {kind: canary, provider: argo-rollouts, steps: [{setWeight: 50, pause: 30m}], "
    "gateway: {name: public, namespace: gateways, hostnames: [chat.acme.example]}, "
    "analysis: {maxTimeToFirstToken: 2.5}}"
)


def said_of(model, facts):
    text, lines = spec_of(model)
    whole = facts if facts.get("inputs") else SHAPES["dense"] | facts
    return outcome(text, lock_of(whole, [])), lines


@pytest.mark.parametrize(
    ("model", "facts", "code", "at", "word"), [row[1:] for row in REFUSED],
    ids=[f"{row[0]}-{row[3]}-{row[4]}" for row in REFUSED],
)  # fmt: skip
def test_breakage_is_said(model, facts, code, at, word):
    said, lines = said_of(model, facts)
    rows = {(row.code.id, lines.get(row.span.line)): row for row in (*said.errors, *said.warnings)}
    assert (code, at) in rows, [(*key, row.message) for key, row in rows.items()]
    assert word in rows[code, at].help
    assert bool(said.files) == (rows[code, at].severity != "error")


@pytest.mark.parametrize("version", versions(TRTLLM))
def test_awq_is_not_for_consumer_blackwell(version, monkeypatch):
    """7.9. The catalogue has no GPU of capability 12.0, so one is put into it."""
    card = GpuRow("RTX PRO 6000", ("NVIDIA-RTX-PRO-6000",), "12.0", 97887, "a test")
    monkeypatch.setattr(llmspec.passes.resolve, "gpus", lambda: llmspec.catalog.tables.gpus() | {"pro": card})
    said, lines = said_of(trtllm(version) | {"hardware": {"gpu": "pro"}}, CHECKPOINTS["awq"])
    assert ("LS377", "metadata") in [(each.code.id, lines[each.span.line]) for each in said.errors]
    refused, _ = said_of(trtllm(version) | {"hardware": {"gpu": "pro"}}, CHECKPOINTS["nvfp4 of ModelOpt"])
    assert not refused.errors


def files_of(case):
    said, _ = case.outcome()
    assert not said.errors, [row.message for row in said.errors]
    return Files(case, said)


def test_two_capabilities_have_a_plan_each():
    """TensorRT-LLM#222, #3031: built on one GPU, run on another."""
    files = files_of(Plan(engine=TENSORRT, version="11.0.0", gpus=("a100-80-sxm", "a10g", "l4")))
    assert [each["computeCapability"] for each in plan_steps(files)] == ["8.0", "8.6", "8.9"]
    assert len(files.jobs) == 3


@pytest.mark.parametrize("version", versions(TENSORRT))
def test_what_builds_and_what_serves_are_of_one_release(version):
    """TensorRT-LLM#1038, tensorrtllm_backend#531, llama_index#12318: the runtime refuses a plan of another version."""
    files = files_of(Plan(engine=TENSORRT, version=version, gpus=("l4",)))
    tags = {files.base(image)[0].rpartition(":")[2] for image in ("chat", "chat-build")}
    assert len(tags) == 1
    assert files.steps["requires"] == {"tensorrt": version}
    assert any("tensorrt-" + version in word for step in plan_steps(files) for word in step["argv"])


@pytest.mark.parametrize("version", versions(TRTLLM))
def test_metrics_are_scraped_where_they_are_text(version):
    """7.6: `/metrics` of trtllm-serve is JSON, and taken away by reading it."""
    text, _ = spec_of(trtllm(version) | {"scaling": {"minReplicas": 2}}, others=[CANARY])
    said = outcome(text, lock_of(SHAPES["dense"], []))
    if [row.code.id for row in said.errors] == ["LS385"]:
        return  # this release measures nothing that a canary is judged by, so nothing is scraped for it
    assert not said.errors, [row.message for row in said.errors]
    scraped = re.findall(r"path: (\S*metrics\S*)", "".join(said.files.values()))
    assert scraped == ["/prometheus/metrics"]
    settings = files_of(Server(engine=TRTLLM, version=version, gpus=("h100-sxm",))).settings
    assert settings["return_perf_metrics"] is True


@pytest.mark.parametrize("engine", [VLLM, TRTLLM])
@pytest.mark.parametrize("tensor", [1, 2, 8])
def test_several_gpus_have_shared_memory(engine, tensor):
    """production-stack#276, #899, vllm#37982."""
    (pod,) = files_of(Server(engine=engine, version=versions(engine)[-1], gpus=("h200",), tensor=tensor)).pods
    mounts = {each["mountPath"]: each["name"] for each in pod["containers"][0]["volumeMounts"]}
    sizes = {each["name"]: each["emptyDir"] for each in pod["volumes"] if "emptyDir" in each}
    assert ("/dev/shm" in mounts) == (tensor > 1)
    assert tensor == 1 or sizes[mounts["/dev/shm"]]["medium"] == "Memory"


def test_memory_fractions_are_each_engines_own():
    """7.14: one is of all the memory, the other of what the weights leave free."""
    of_vllm = files_of(Server(engine=VLLM, version="0.24.0", gpus=("l4",))).settings
    of_trtllm = files_of(Server(engine=TRTLLM, version="1.2.1", gpus=("l4",))).settings
    assert "gpu-memory-utilization" in of_vllm
    assert "free_gpu_memory_fraction" not in str(of_vllm)
    assert "free_gpu_memory_fraction" in of_trtllm["kv_cache_config"]
    assert "gpu-memory-utilization" not in str(of_trtllm)


@pytest.mark.parametrize("version", versions(VLLM))
def test_embedding_is_a_runner(version):
    """7.10: `--task` is gone from every release that is known."""
    text, _ = spec_of(vllm(version) | {"task": "embed"})
    said = outcome(text, lock_of(SHAPES["dense"], []))
    settings = Files(Server(engine=VLLM, version=version, gpus=("h100-sxm",)), said).settings
    assert settings["runner"] == "pooling"
    assert "task" not in settings


@pytest.mark.parametrize("engine", [VLLM, TRTLLM])
def test_servers_listen_to_others_than_themselves(engine):
    """7.7"""
    for version in versions(engine):
        files = files_of(Server(engine=engine, version=version, gpus=("h200",)))
        flags = flags_of(files.pods[0]["containers"][0])
        assert (flags.get("host") or files.settings.get("host")) == "0.0.0.0", version  # noqa: S104
        assert engine == VLLM or version == "1.2.1" or "no-telemetry" in flags, version
