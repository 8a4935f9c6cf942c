"""Mistakes that an expert on engines would laugh at, each a function from the files of an environment to what is wrong.

A rule is found by its decorator, whose number is that of the list in the project's notes on engines.
"""

import re

from engine_files import (
    capabilities,
    dockerfiles,
    everywhere,
    month,
    objects,
    pods,
    program,
    servers,
    settings,
    steps,
    trtexec,
)
from google.protobuf import text_format
from packaging.version import Version
from tritonclient.grpc.model_config_pb2 import ModelConfig

ENGINE_RULES = {}
"""Rules by name."""
LAST_WITH_ENGINES = Version("1.3.0rc20")
STRONGLY_TYPED = (26, 6)
"""Month of the first image with TensorRT 11."""
WEAK = (
    "fp16", "bf16", "int8", "fp8", "int4", "best", "calib", "precisionConstraints", "layerPrecisions",
    "layerOutputTypes", "workspace", "explicitBatch", "minShapesCalib", "noTF32Calib",
)  # fmt: skip
IDLE = ("stronglyTyped", "useCudaGraph", "useSpinWait", "separateProfileRun", "noDataTransfers")
LEAST = {"fp8": "8.9", "nvfp4": "10.0", "mxfp4": "8.0"}
"""Compute capability from which a GPU computes in a format, or in the case of MXFP4 has kernels for it."""
READY = {"vllm": "/health", "sglang": "/health", "trtllm-serve": "/health", "tritonserver": "/v2/health/ready"}
FRACTIONS = (
    "gpu-memory-utilization", "gpu_memory_utilization", "free_gpu_memory_fraction", "mem-fraction-static",
    "mem_fraction_static",
)  # fmt: skip
"""Shares of a GPU's memory; those of two engines are never of the same thing."""
LANGUAGE = ("vllm", "sglang", "trtllm-serve")
"""Servers of language models."""


def rule(number):  # noqa: ARG001 - read by people
    def enrol(function):
        ENGINE_RULES[function.__name__] = lambda files: list(function(files))
        return function

    return enrol


@rule(1)
def no_engines_after_the_last_release_with_them(files):
    releases = [Version(base.rpartition(":")[2]) for base in dockerfiles(files).values() if "tensorrt-llm/" in base]
    if all(each > LAST_WITH_ENGINES for each in releases) or not releases:
        yield from everywhere(files, r"\btrtllm-(build|refit|prune)\b|convert_checkpoint\.py|_tensorrt_engine")
        yield from everywhere(files, r"rank\d+\.engine|--backend[ =]['\"]?(tensorrt|trt)\b")


@rule(1)
def no_engine_is_served_that_is_not_built(files):
    for model, _ in settings(files):
        served = [each for _, _, each in servers(files, "trtllm-serve") if "tensorrt" in each["args"]]
        built = any(each["argv"][0] == "trtllm-build" for name, each in steps(files) if name == model)
        if bool(served) != built and served:
            yield f"{model}: a backend of engines without `trtllm-build`"


@rule(2)
def trtexec_is_not_told_what_has_no_effect(files):
    for model, step in trtexec(files):
        base = dockerfiles(files)[f"{model}-build"]
        if month(base) < STRONGLY_TYPED:
            continue
        names = {each.lstrip("-").partition("=")[0] for each in step["argv"][1:]}
        yield from (f"{model}: --{name} with {base}" for name in (*WEAK, *IDLE) if name in names)
    yield from everywhere(files, r"BuilderFlag\.|IInt8EntropyCalibrator|EXPLICIT_BATCH|max_workspace_size")


@rule(2)
def build_scripts_run_the_steps(files):
    """What is reviewed in steps.json is what the image runs."""
    for path, text in files.items():
        if path.endswith("/build.sh"):
            image = path.split("/")[-2]
            told = set(re.findall(r"--[A-Za-z][\w-]*", text[text.rindex("step()") :]))
            model = next((name for name, _ in steps(files) if image.startswith(name)), "")
            known = {word.partition("=")[0] for name, each in steps(files) if name == model for word in each["argv"]}
            yield from (f"{path}: {word}" for word in sorted(told - known) if word in {f"--{each}" for each in WEAK})


@rule(3)
def plans_are_built_on_the_gpus_that_they_run_on(files):
    for model, step in trtexec(files):
        jobs = [pod for owner, pod in pods(files) if owner["kind"] == "Job" and f"-{model}-build" in str(owner)]
        own = step["computeCapability"]
        if own and not any(capabilities(pod) == {own} for pod in jobs):
            yield f"{model}: no job on capability {own} alone"
        if step["lane"] != "gpu" or not all(_gpus(pod) for pod in jobs):
            yield f"{model}: a plan is built without a GPU"
    yield from (f"a hosted runner: {each}" for each in everywhere(_pipelines(files), r"\btrtexec\b|build\.sh(?!.*cpu)"))


def _pipelines(files):
    return {path: text for path, text in files.items() if path.startswith("../")}


def _gpus(pod):
    return sum(int(each["resources"]["limits"].get("nvidia.com/gpu", 0)) for each in pod["containers"])


@rule(3)
def every_gpu_finds_its_plan(files):
    for path, text in files.items():
        if not re.fullmatch(r"triton/[^/]+/config\.pbtxt", path) or "tensorrt_plan" not in text:
            continue
        config = text_format.Parse(text, ModelConfig())
        outputs = {output.split("/")[-1] for _, step in trtexec(files) for output in step["outputs"]}
        named = set(config.cc_model_filenames.values()) or {"model.plan"}
        if not named <= outputs:
            yield f"{path}: {sorted(named)} of {sorted(outputs)}"
        served = {each for _, pod, _ in servers(files, "tritonserver") for each in capabilities(pod)}
        if config.cc_model_filenames and served - set(config.cc_model_filenames):
            yield f"{path}: no plan for {sorted(served - set(config.cc_model_filenames))}"


@rule(3)
def plans_are_built_and_run_by_one_release(files):
    bases = dockerfiles(files)
    for name, base in bases.items():
        server = bases.get(name.removesuffix("-build"), "")
        if "nvidia/tensorrt:" in base and month(base) != month(server):
            yield f"{name} begins with {base}, what serves with {server}"


@rule(4)
def no_tensorrt_from_an_index_that_has_none(files):
    install = r"pip install .*\b(tensorrt(?!-)|tensorrt-(llm|cu\d+|libs|rtx)|nvidia-tensorrt)\b"
    yield from everywhere({path: text for path, text in files.items() if path.endswith("/Dockerfile")}, install)
    for path, text in files.items():
        kinds = set(re.findall(r"-cu1[23]\b", text)) if path.endswith("/Dockerfile") else set()
        if len(kinds) > 1:
            yield f"{path}: {sorted(kinds)}"


@rule(5)
def no_backend_that_was_deleted(files):
    yield from everywhere(files, r"inflight_batcher_llm|fill_template\.py|tensorrt_llm_bls|nv_trt_llm_")
    yield from everywhere(files, r"backend: \"tensorrtllm\"")


@rule(6)
def metrics_are_scraped_where_they_are_text(files):
    flags = [each["args"] for _, _, each in servers(files, "trtllm-serve")]
    for each in objects(files, "PodMonitor", "ServiceMonitor"):
        for row in each["spec"].get("podMetricsEndpoints", []) + each["spec"].get("endpoints", []):
            wanted = "/prometheus/metrics" if flags else "/metrics"
            if row.get("path", "/metrics") != wanted:
                yield f"{each['metadata']['name']}: {row.get('path')}"
    for model, options in settings(files):
        is_measured = {"kv_cache_config": "return_perf_metrics", "tp-size": "enable-metrics"}
        wanted = next((name for key, name in is_measured.items() if key in options), "")
        if wanted and options.get(wanted) is not True:
            yield f"{model}: nothing is measured"


@rule(7)
def servers_listen_to_others(files):
    options = dict(settings(files))
    for owner, _, container in servers(files, *LANGUAGE):
        args, name = container["args"], owner["metadata"]["labels"]["app.kubernetes.io/name"]
        host = args[args.index("--host") + 1] if "--host" in args else options[name].get("host")
        if host not in ("0.0.0.0", "::"):  # noqa: S104 - what is looked for
            yield f"{owner['metadata']['name']}: {host}"


@rule(7)
def probes_ask_what_the_server_answers(files):
    for server, path in READY.items():
        for owner, _, container in servers(files, server):
            for kind in ("startupProbe", "readinessProbe"):
                asked = container.get(kind, {}).get("httpGet", {}).get("path", path)
                if asked != path:
                    yield f"{owner['metadata']['name']}: {kind} asks {server} for {asked}"


@rule(8)
def quantizers_are_those_of_today(files):
    yield from everywhere(files, r"examples/llm_ptq|--export_fmt|TensorRT-Model-Optimizer|--auto_quantize_bits")
    yield from everywhere(files, r"\b(int8_sq|int8_wo|w4a8_awq(?!_)|nvfp4_awq(?!_)|fp8_pb_wo|fp8_pc_pt)\b")


@rule(8)
def nothing_is_quantized_by_a_servers_settings(files):
    gone = (
        "quant_config",
        "build_config",
        "calib_config",
        "pytorch_backend_config",
        "kv_cache_dtype",
        "use_cuda_graph",
    )
    for model, options in settings(files):
        if "kv_cache_config" in options:
            yield from (f"{model}: {key}" for key in gone if key in options)


@rule(9)
def formats_are_those_of_the_gpus(files):
    """Of what a job makes, and of a graph that is quantized."""
    for model, step in steps(files):
        argv = step["argv"]
        asked = [
            argv[at + 1].lower() for at, word in enumerate(argv) if word in ("--expect-algorithm", "--quantize_mode")
        ]
        for owner, pod in pods(files):
            if not owner["metadata"]["name"].endswith(f"-{model}") or owner["kind"] == "Job":
                continue
            low = [each for each in capabilities(pod) if any(Version(each) < Version(LEAST.get(x, "0")) for x in asked)]
            yield from (f"{model}: {asked} on capability {each}" for each in low)


@rule(9)
def a_kv_cache_of_a_made_checkpoint_has_its_scales(files):
    options = dict(settings(files))
    for model, step in steps(files):
        if "--expect-kv-cache" in step["argv"]:
            scales = step["argv"][step["argv"].index("--expect-kv-cache") + 1].lower()
            served = options[model].get("kv-cache-dtype") or options[model].get("kv_cache_config", {}).get("dtype")
            if (served or "none") != scales and served not in (None, "auto"):
                yield f"{model}: served in {served}, and the checkpoint has scales for {scales}"


@rule(9)
def smoothquant_is_not_for_language_models(files):
    yield from everywhere(files, r"smoothquant|W8A8_SQ")


@rule(10)
def vllm_is_not_told_what_it_dropped(files):
    gone = (
        "task", "swap-space", "enable-reasoning", "guided-decoding-backend", "num-scheduler-steps", "device",
        "disable-log-requests", "use-v2-block-manager", "preemption-mode",
    )  # fmt: skip
    for model, options in settings(files):
        if "gpu-memory-utilization" in options:
            yield from (f"{model}: {key}" for key in gone if key in options)
            if options.get("quantization") in ("bitsandbytes", "gguf"):
                yield f"{model}: {options['quantization']}"
    for owner, _, container in servers(files, "vllm"):
        yield from (f"{owner['metadata']['name']}: --{key}" for key in gone if f"--{key}" in container["args"])


@rule(10)
def no_metric_that_was_renamed(files):
    yield from everywhere(files, r"vllm[:_](gpu_cache_usage_perc|time_per_output_token_seconds)\b")


@rule(11)
def no_tools_that_were_replaced(files):
    yield from everywhere(
        files, r"NIM_MAX_MODEL_LEN|\bnvext\b|engine: tensorrt_llm\b|\bgenai-perf\b|\baiconfigurator\b"
    )
    yield from everywhere(files, r"apiVersion: nvidia\.com/v1alpha1")


@rule(12)
def graphs_can_be_read(files):
    yield from everywhere(files, r"optimum-cli|optimum-nvidia|optimum\.nvidia")
    for path, text in files.items():
        for found in re.findall(r"--opset[ =](\d+)", text):
            if int(found) > 24:
                yield f"{path}: opset {found}"


@rule(12)
def embedders_give_a_vector_for_each_text(files):
    embedders = {owner["metadata"]["labels"]["app.kubernetes.io/name"] for owner, _ in pods(files)
                 if owner["metadata"]["labels"].get("app.kubernetes.io/component") == "embed"}  # fmt: skip
    for name in embedders:
        text = files.get(f"triton/{name}/config.pbtxt")
        if text and not any(len(each.dims) == 1 for each in text_format.Parse(text, ModelConfig()).output):
            yield f"{name}: no output of one vector"


@rule(13)
def bases_are_of_one_release_and_pinned(files):
    for path, text in files.items():
        if path.endswith("/Dockerfile"):
            (base,) = re.findall(r"^ARG BASE=(\S+)$", text, re.MULTILINE)
            if not re.fullmatch(r"[\w./-]+:(?!latest\b)[\w.-]*\d[\w.-]*@sha256:[0-9a-f]{64}", base):
                yield f"{path}: {base}"


@rule(13)
def nodes_have_a_driver_for_the_image(files):
    for owner, pod in pods(files):
        if not _gpus(pod):
            continue
        affinity = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        rows = {each["key"]: each for term in affinity["nodeSelectorTerms"] for each in term["matchExpressions"]}
        floor = rows.get("nvidia.com/cuda.driver-version.major", {})
        if floor.get("operator") != "Gt" or int(floor["values"][0]) < 579:
            yield f"{owner['metadata']['name']}: driver {floor.get('values')}, and CUDA 13 needs 580"


@rule(13)
def gpus_that_share_have_shared_memory(files):
    for owner, pod, container in servers(files, *READY):
        mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
        volume = next((each for each in pod["volumes"] if each["name"] == mounts.get("/dev/shm")), {})
        if _gpus(pod) > 1 and volume.get("emptyDir", {}).get("medium") != "Memory":
            yield owner["metadata"]["name"]


@rule(13)
def nothing_is_baked_into_an_image(files):
    for path, text in files.items():
        if path.endswith("/Dockerfile"):
            yield from (f"{path}: {word}" for word in re.findall(r"(?:ENV|ARG) .*(?:HF_TOKEN|API_KEY|SECRET)\S*", text))
            yield from (f"{path}: {word}" for word in re.findall(r"\S+\.(?:safetensors|gguf|plan|engine|onnx)\b", text))
            yield from (f"{path}: downloads" for _ in re.findall(r"RUN .*(?:hf download|huggingface-cli)", text))


@rule(14)
def memory_fractions_are_each_engines_own(files):
    programs = {
        owner["metadata"]["labels"]["app.kubernetes.io/name"]: program(container)
        for owner, _, container in servers(files, *LANGUAGE)
    }
    for model, options in settings(files):
        own, inner = programs[model], options.get("kv_cache_config", {})
        found = {each for each in FRACTIONS if each in options or each in inner}
        known = {
            "vllm": {"gpu-memory-utilization"},
            "trtllm-serve": {"free_gpu_memory_fraction"},
            "sglang": {"mem-fraction-static"},
        }[own]
        if not found <= known or "free_gpu_memory_fraction" in options:
            yield f"{model}: {own} has {sorted(found)}"


@rule(15)
def nothing_phones_home(files):
    for owner, _, container in servers(files, "vllm"):
        if {"name": "VLLM_NO_USAGE_STATS", "value": "1"} not in container.get("env", []):
            yield f"{owner['metadata']['name']}: vLLM reports its use"
    bases = dockerfiles(files)
    for owner, _, container in servers(files, "trtllm-serve"):
        name = owner["metadata"]["labels"]["app.kubernetes.io/name"]
        release = Version(bases[name].rpartition(":")[2])
        if release >= LAST_WITH_ENGINES and "--no-telemetry" not in container["args"]:
            yield f"{owner['metadata']['name']}: TensorRT-LLM {release} reports its use"
