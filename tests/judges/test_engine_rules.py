"""None of the mistakes on engines is in what is generated, and each would be seen: a rule speaks of a changed text."""

import re

import pytest
from engine_files import texts
from engine_rules import ENGINE_RULES
from judged import GENERATED, each_environment

TRITON, TRTLLM, SETS = "support-assistant/production", "claims-triage/production", "research-desk/default"
MINIMAL, SGLANG = "minimal/default", "travel-desk/default"
CHAT, EMBED = "kubernetes/chat/deployment.yaml", "kubernetes/embed/deployment.yaml"
SERVE, MAKING, PLANS = "engine/chat/serve.yaml", "engine/chat/steps.json", "engine/embed/steps.json"
SERVER, BUILDER, PIPELINE = "docker/chat/Dockerfile", "docker/embed-build/Dockerfile", r"\.\./\.github/.*"
SCRIPT, PTQ, ANALYSIS = "docker/embed-build/build.sh", "docker/chat-quantize/build.sh", "kubernetes/chat/analysis.*"
PLAN, TEXTS = r"triton/embed-engine/config\.pbtxt", r"triton/embed/config\.pbtxt"
END = r"\Z"
MUTATIONS = (
    # rule, environment, files, what stands there, what stands there instead
    ("no_engines_after_the_last_release_with_them", TRITON, BUILDER, END, "RUN trtllm-build --help\n"),
    ("no_engines_after_the_last_release_with_them", TRITON, SCRIPT, END, "convert_checkpoint.py\n"),
    ("no_engine_is_served_that_is_not_built", TRTLLM, CHAT, "            - --config\n",
     "            - --backend\n            - tensorrt\n            - --config\n"),
    ("trtexec_is_not_told_what_has_no_effect", TRITON, PLANS, '"--skipInference"', '"--fp16"'),
    ("trtexec_is_not_told_what_has_no_effect", TRITON, PLANS, '"--skipInference"', '"--stronglyTyped"'),
    ("trtexec_is_not_told_what_has_no_effect", TRITON, PLANS, '"--memPoolSize=workspace:', '"--workspace='),
    ("trtexec_is_not_told_what_has_no_effect", TRITON, BUILDER, END, "RUN echo BuilderFlag.FP16\n"),
    ("build_scripts_run_the_steps", TRITON, SCRIPT, r"--skipInference", "--best"),
    ("plans_are_built_on_the_gpus_that_they_run_on", TRITON, r"kubernetes/embed-build-sm86/job\.yaml", "NVIDIA-A10G",
     "NVIDIA-L4"),
    ("plans_are_built_on_the_gpus_that_they_run_on", TRITON, r"kubernetes/embed-build.*/job\.yaml",
     r'nvidia.com/gpu: "1"', 'example.com/fpga: "1"'),
    ("plans_are_built_on_the_gpus_that_they_run_on", TRITON, PIPELINE, END, "      - run: trtexec --onnx=x\n"),
    ("every_gpu_finds_its_plan", TRITON, PLAN, r'"model\.sm86\.plan"', '"model.sm80.plan"'),
    ("every_gpu_finds_its_plan", TRITON, PLAN, r'"8\.6"', '"8.0"'),
    ("plans_are_built_and_run_by_one_release", TRITON, BUILDER, r"tensorrt:26\.\d\d", "tensorrt:26.04"),
    ("no_tensorrt_from_an_index_that_has_none", TRITON, BUILDER, END, "RUN pip install tensorrt==11.0.0\n"),
    ("no_tensorrt_from_an_index_that_has_none", TRTLLM, SERVER, END, "RUN pip install tensorrt-llm\n"),
    ("no_tensorrt_from_an_index_that_has_none", TRITON, BUILDER, END, "# onnx-cu12 torch-cu13\n"),
    ("no_backend_that_was_deleted", TRITON, PLAN, END, 'backend: "tensorrtllm"\n'),
    ("no_backend_that_was_deleted", TRITON, ANALYSIS, END, "# nv_trt_llm_request_metrics\n"),
    ("metrics_are_scraped_where_they_are_text", TRITON, r"kubernetes/chat/podmonitor\.yaml", "path: /metrics",
     "path: /prometheus/metrics"),
    ("metrics_are_scraped_where_they_are_text", TRTLLM, SERVE, "return_perf_metrics: true\n", ""),
    ("servers_listen_to_others", TRTLLM, CHAT, "            - --host\n.*\n", ""),
    ("servers_listen_to_others", MINIMAL, SERVE, "host: .*\n", ""),
    ("metrics_are_scraped_where_they_are_text", SGLANG, SERVE, "enable-metrics: true\n", ""),
    ("servers_listen_to_others", SGLANG, SERVE, "host: .*\n", ""),
    ("memory_fractions_are_each_engines_own", SGLANG, SERVE, "mem-fraction-static", "gpu-memory-utilization"),
    ("gpus_that_share_have_shared_memory", SGLANG, CHAT, "medium: Memory", 'medium: ""'),
    ("probes_ask_what_the_server_answers", SGLANG, CHAT, "path: /health", "path: /ready"),
    ("probes_ask_what_the_server_answers", MINIMAL, CHAT, "path: /health", "path: /v2/health/ready"),
    ("probes_ask_what_the_server_answers", TRITON, EMBED, "path: /v2/health/ready", "path: /health"),
    ("quantizers_are_those_of_today", TRTLLM, PTQ, END, "examples/llm_ptq/hf_ptq.py\n"),
    ("quantizers_are_those_of_today", TRTLLM, PTQ, END, "hf_ptq.py --qformat int8_sq\n"),
    ("nothing_is_quantized_by_a_servers_settings", TRTLLM, SERVE, END, "quant_config: {quant_algo: FP8}\n"),
    ("nothing_is_quantized_by_a_servers_settings", TRTLLM, SERVE, END, "build_config: {max_batch_size: 8}\n"),
    ("formats_are_those_of_the_gpus", TRTLLM, CHAT, "NVIDIA-L40S", "NVIDIA-A10G"),
    ("formats_are_those_of_the_gpus", TRTLLM, MAKING, '"FP8"', '"NVFP4"'),
    ("a_kv_cache_of_a_made_checkpoint_has_its_scales", TRTLLM, MAKING,
     r'("--expect-kv-cache",\s*)"FP8"', r'\1"none"'),
    ("smoothquant_is_not_for_language_models", TRTLLM, PTQ, END, "--format int8_smoothquant\n"),
    ("vllm_is_not_told_what_it_dropped", MINIMAL, SERVE, END, "task: embed\n"),
    ("vllm_is_not_told_what_it_dropped", MINIMAL, SERVE, END, "swap-space: 4\n"),
    ("vllm_is_not_told_what_it_dropped", MINIMAL, SERVE, END, "quantization: bitsandbytes\n"),
    ("vllm_is_not_told_what_it_dropped", MINIMAL, CHAT, "            - --config\n",
     "            - --disable-log-requests\n            - --config\n"),
    ("no_metric_that_was_renamed", TRITON, ANALYSIS, END, "# vllm:gpu_cache_usage_perc\n"),
    ("no_tools_that_were_replaced", MINIMAL, CHAT, END, "# NIM_MAX_MODEL_LEN\n"),
    ("no_tools_that_were_replaced", MINIMAL, CHAT, "apiVersion: apps/v1", "apiVersion: nvidia.com/v1alpha1"),
    ("graphs_can_be_read", TRITON, SCRIPT, END, "optimum-cli export onnx --opset 28\n"),
    ("graphs_can_be_read", TRITON, SCRIPT, END, "export.py --opset 28\n"),
    ("embedders_give_a_vector_for_each_text", TRITON, TEXTS, r"dims: \[384\]", "dims: [-1, 384]"),
    ("bases_are_of_one_release_and_pinned", MINIMAL, SERVER, r":v0[\d.]+@", ":latest@"),
    ("bases_are_of_one_release_and_pinned", TRITON, BUILDER, r"@sha256:\w+", ""),
    ("nodes_have_a_driver_for_the_image", MINIMAL, CHAT, '"579"', '"524"'),
    ("nodes_have_a_driver_for_the_image", MINIMAL, CHAT, "cuda.driver-version.major", "cuda.driver.major"),
    ("gpus_that_share_have_shared_memory", TRITON, CHAT, "medium: Memory", 'medium: ""'),
    ("gpus_that_share_have_shared_memory", SETS, "kubernetes/.*", "mountPath: /dev/shm", "mountPath: /shm"),
    ("nothing_is_baked_into_an_image", MINIMAL, SERVER, END, "ENV HF_TOKEN=x\n"),
    ("nothing_is_baked_into_an_image", MINIMAL, SERVER, END, "COPY model.safetensors /models/\n"),
    ("nothing_is_baked_into_an_image", MINIMAL, SERVER, END, "RUN hf download Qwen/Qwen3-0.6B\n"),
    ("memory_fractions_are_each_engines_own", MINIMAL, SERVE, "gpu-memory-utilization", "free_gpu_memory_fraction"),
    ("memory_fractions_are_each_engines_own", TRTLLM, SERVE, END, "gpu_memory_utilization: 0.85\n"),
    ("nothing_phones_home", MINIMAL, CHAT, "VLLM_NO_USAGE_STATS", "VLLM_USAGE_SOURCE"),
    ("nothing_phones_home", TRTLLM, SERVER, r"release:[\w.]+@", "release:1.3.0rc29@"),
)  # fmt: skip


@pytest.mark.parametrize("environment", each_environment())
@pytest.mark.parametrize("rule", ENGINE_RULES)
def test_mistake_is_not_made(rule, environment):
    assert ENGINE_RULES[rule](texts(environment)) == []


@pytest.mark.parametrize(
    ("rule", "environment", "path", "old", "new"), MUTATIONS,
    ids=[f"{row[0]}-{number}" for number, row in enumerate(MUTATIONS)],
)  # fmt: skip
def test_mistake_would_be_seen(rule, environment, path, old, new):
    files, count = texts(GENERATED / environment), 0
    for name, text in files.items():
        if re.fullmatch(path, name):
            files[name], found = re.subn(old, new, text)
            count += found
    assert count, f"no `{old}` in {path}"
    assert ENGINE_RULES[rule](files)


def test_every_rule_has_been_seen_to_speak():
    assert {row[0] for row in MUTATIONS} == set(ENGINE_RULES)
