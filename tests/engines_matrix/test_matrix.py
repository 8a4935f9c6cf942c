"""GPU × engine × release × precision × split × checkpoint: files that an expert lets pass, or an error at each key that
is at fault and at no other. What is right is worked out from the catalogue's JSON, not by the code under test.

`LLMSPEC_EXAMPLES=20000 pytest tests/engines_matrix` draws that many cases, other ones each time.
"""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from matrix_cases import Plan, Server, judge, plans, servers
from matrix_plans import PLANS
from matrix_servers import EVERY, SERVERS
from msgspec.structs import replace

import llmspec.parts.server
import llmspec.parts.tensorrt.repository
import llmspec.parts.tensorrt.steps
import llmspec.passes.check.parallelism
import llmspec.passes.check.quantization
import llmspec.targets.kubernetes.pod
from llmspec.catalog.releases import Known
from llmspec.parts.engines.sglang import SgLang
from llmspec.parts.engines.tensorrt import TensorRt
from llmspec.parts.engines.tensorrt_llm import TensorRtLlm
from llmspec.parts.engines.vllm import Vllm
from llmspec.plan.build import Build
from llmspec.plan.network import Network, Parallel

GIVEN = os.environ.get("LLMSPEC_EXAMPLES")
COMMON = {
    "deadline": None, "derandomize": GIVEN is None, "database": None, "report_multiple_bugs": False,
    "suppress_health_check": list(HealthCheck),
}  # fmt: skip


def checked(strategy, examples):
    """Judges as many cases of a strategy. How many gave files and how many errors, by engine."""
    seen = Counter()

    @settings(max_examples=examples, phases=[Phase.generate] + [Phase.shrink] * (GIVEN is not None), **COMMON)
    @given(strategy)
    def run(case):
        seen[case.engine, bool(judge(case).files)] += 1

    run()
    return seen


@pytest.mark.parametrize(
    ("strategy", "share"),
    [(servers("vllm"), 300), (servers("sglang"), 150), (servers("tensorrt-llm"), 200), (plans(), 200)],
    ids=["vllm", "sglang", "tensorrt-llm", "tensorrt"],
)
def test_files_or_errors_where_they_belong(strategy, share):
    seen = checked(strategy, int(GIVEN) if GIVEN else share)
    for (engine, _), count in seen.items():
        assert count > sum(seen.values()) / 10, f"{engine}: {seen}, which is one-sided"


def also(**added):
    """Options beside those that there are."""

    def add(old):
        def more(self, *given):
            before = old(self, *given)
            hyphens = any("-" in name for name in before) or isinstance(self, Vllm)
            return before | {name.replace("_", "-") if hyphens else name: (value, "") for name, value in added.items()}

        return more

    return add


def without(*names):
    def drop(old):
        return lambda *more: {key: value for key, value in old(*more).items() if key not in names}

    return drop


def nothing(result=None):
    return lambda _: lambda *_: result


def everywhere(old):
    """Each precision on every GPU."""

    def widened(self, *names):
        row = old(self, *names)
        every = ("7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "10.3", "12.0", "12.1")
        return type(row)(name=row.name, capabilities=every) if row else None

    return widened


def longer(field, *words):
    """A result with words behind one of its tuples."""

    def lengthened(old):
        def make(*more):
            made = old(*more)
            return replace(made, **{field: (*getattr(made, field), *words)})

        return make

    return lengthened


OLD = "nvcr.io/nvidia/tensorrt:26.05-py3"
STEPS, POD = llmspec.parts.tensorrt.steps, llmspec.targets.kubernetes.pod
CHECKS = llmspec.passes.check
TRTLLM, VLLM, SGLANG, PLAN = "tensorrt-llm", "vllm", "sglang", "tensorrt"
MUTANTS = {
    # what is patched, how, what is drawn, and the rule that has to see it
    "localhost": (TensorRtLlm, "flags", without("host"), TRTLLM, "the_server_is_reached_and_measured"),
    "telemetry": (TensorRtLlm, "flags", without("telemetry"), TRTLLM, "the_server_is_reached_and_measured"),
    "SGLang without metrics": (SgLang, "own", without("enable-metrics"), SGLANG, "the_server_is_reached_and_measured"),
    "SGLang on localhost": (SgLang, "own", without("host"), SGLANG, "the_server_is_reached_and_measured"),
    "SGLang on one node": (SgLang, "flags", without("dist-init-addr"), SGLANG, "several_nodes_are_a_set"),
    "SGLang's experts": (SgLang, "own", without("ep-size"), SGLANG, "a_replica_is_split_as_it_was_asked_for"),
    "no metrics": (TensorRtLlm, "own", without("return_perf_metrics"), TRTLLM, "the_server_is_reached_and_measured"),
    "a flag that is checked": (Vllm, "flags", also(chicken=True), VLLM, "places: errors at {'engine.version'}"),
    "a flag that is not": (
        llmspec.parts.server, "written", lambda old: lambda flags: (*old(flags), "--headless-chicken"), VLLM,
        "flags_are_those_of_the_release",
    ),
    "a wrong value": (TensorRtLlm, "flags", also(port="http"), TRTLLM, "flags_are_those_of_the_release"),
    "experts forgotten": (
        TensorRtLlm, "own", without("moe_expert_parallel_size"), TRTLLM, "a_replica_is_split_as_it_was_asked_for",
    ),
    "experts elsewhere": (
        TensorRtLlm, "own", also(moe_expert_parallel_size=5), TRTLLM, "experts_lie_on_the_gpus_that_there_are",
    ),
    "an option that is checked": (Vllm, "own", also(combustion=True), VLLM, "places: errors at {'engine.version'}"),
    "an option that is not": (
        Vllm, "settings", lambda old: lambda *more: f"{old(*more)}combustion: 1\n", VLLM,
        "settings_are_keys_of_the_release",
    ),
    "a choice of nobody": (
        TensorRtLlm, "own", also(max_batch_size="many"), TRTLLM, "settings_are_keys_of_the_release",
    ),
    "the split forgotten": (
        Vllm, "own", without("pipeline-parallel-size"), VLLM, "a_replica_is_split_as_it_was_asked_for",
    ),
    "said twice": (Vllm, "flags", also(host="0.0.0.0"), VLLM, "nothing_is_said_twice"),  # noqa: S104
    "not made": (
        Vllm, "_precision", without("quantization"), VLLM,
        "what_is_not_in_the_checkpoint_is_made_while_loading_or_by_a_job",
    ),
    "made twice": (Vllm, "_precision", also(quantization="fp8"), VLLM, "a_job_makes_the_precision_that_is_asked_for"),
    "another KV cache": (
        Vllm, "_precision", without("kv-cache-dtype"), VLLM, "the_kv_cache_is_in_what_is_asked_for",
    ),
    "an exception": (Vllm, "flags", lambda _: lambda *_: 1 / 0, VLLM, "division by zero"),
    "more GPUs": (Known, "quantization", everywhere, VLLM, "precision_is_one_that_the_gpus_have"),
    "more GPUs for the KV cache": (Known, "kv_cache", everywhere, TRTLLM, "precision_is_one_that_the_gpus_have"),
    "no shared memory": (llmspec.parts.server, "shared_memory", nothing(0), VLLM, "shared_memory_is_there"),
    "one node for all": (Network, "nodes", lambda _: property(lambda _: 1), VLLM, "several_nodes_are_a_set"),
    "too few GPUs": (Parallel, "gpus", lambda _: property(lambda self: self.tensor), VLLM, "gpus_are_as_many"),
    "heads not counted": (CHECKS.parallelism, "_check_heads", nothing(), VLLM, "places: errors at"),
    "an error at the top": (CHECKS.quantization, "_placed", nothing(("kind",)), VLLM, "elsewhere"),
    "an error at a neighbour": (
        CHECKS.quantization, "_placed", lambda _: lambda each, _: (*each.at, "uri"), TRTLLM, "errors at {'uri'}",
    ),
    "a wait for nothing": (
        Build, "marks", lambda _: property(lambda _: ()), VLLM, "a_job_makes_the_precision_that_is_asked_for",
    ),
    "a driver too old": (
        POD, "_placement", lambda old: lambda gpus, driver: old(gpus, driver - 100), VLLM, "nodes_are_those_of",
    ),
    "only one GPU of two": (
        POD, "_placement", lambda old: lambda gpus, driver: old(gpus[:1], driver), PLAN, "nodes_are_those_of_the_gpus",
    ),
    "jobs wait for nothing": (
        Build, "marks", lambda _: property(lambda _: ()), PLAN, "jobs_run_on_the_gpus_that_they_build_for",
    ),
    "an older builder": (
        Known, "image", lambda old: lambda self, use: OLD if use == "build" else old(self, use), PLAN,
        "both_images_are_of_one_month",
    ),
    "the newest image": (
        Known, "image", lambda old: lambda self, use: self.table.newest.images.get(use) or old(self, use), VLLM,
        "the_image_is_that_of_the_release",
    ),
    "weak types": (STEPS, "_compatibility", lambda _: lambda *_: iter(("--fp16",)), PLAN, "trtexec_is_told_what"),
    "one plan for all": (
        TensorRt, "_capabilities", lambda old: lambda self, net: old(self, net)[:1], PLAN, "a_plan_for_each_capability",
    ),
    "a plan of another name": (STEPS, "plan_file", nothing("a.plan"), PLAN, "triton_loads_the_plans_that_are_built"),
    "no profiles": (STEPS, "_shapes", nothing(()), PLAN, "profiles_have_every_input"),
    "a precision of nobody": (STEPS, "_cast", longer("argv", "--fp12"), PLAN, "modelopt_is_told_what_it_knows"),
    "not quantized": (STEPS, "CALIBRATED", lambda _: {}, PLAN, "the_precision_is_put_into_the_graph"),
    "one text for two": (llmspec.parts.tensorrt.repository, "TEXTS", lambda _: {}, PLAN, "text_goes_in_where_there_is"),
    "a flag that Triton dropped": (
        TensorRt, "_container", longer("args", "--trace-rate=1"), PLAN, "triton_is_told_what_its_release_knows",
    ),
}  # fmt: skip


FEW = {
    VLLM: (
        Server(engine=VLLM, version="0.24.0", gpus=("l4",)),
        Server(engine=VLLM, version="0.20.0", gpus=("h100-sxm",), tensor=2, pipeline=2, kv="fp8-cast"),
        Server(engine=VLLM, version="0.33.0", gpus=("h200",), method="fp8"),
        Server(engine=VLLM, version="0.33.0", gpus=("h200",), method="fp8", is_calibrated=True, kv="fp8"),
        Server(engine=VLLM, version="0.32.0", gpus=("b200",), tensor=8, pipeline=2, checkpoint="nvfp4 of ModelOpt"),
        Server(engine=VLLM, version="0.31.0", gpus=("h200",), shape="mixture", tensor=2, data=2, expert=4),
        Server(engine=VLLM, version="0.24.0", gpus=("t4",), checkpoint="mxfp4"),
        Server(engine=VLLM, version="0.24.0", gpus=("l40s",), tensor=3),
        Server(engine=VLLM, version="0.24.0", gpus=("l4",), method="gptq"),
    ),
    SGLANG: (
        Server(engine=SGLANG, version="0.5.21", gpus=("l40s",), kv="fp8-cast"),
        Server(engine=SGLANG, version="0.5.23", gpus=("h200",), tensor=16, method="fp8"),
        Server(engine=SGLANG, version="0.5.22", gpus=("h200",), shape="mixture", tensor=4, expert=4),
    ),
    TRTLLM: (
        Server(engine=TRTLLM, version="1.2.1", gpus=("h100-sxm",), tensor=2),
        Server(engine=TRTLLM, version="1.3.0rc29", gpus=("b200",), checkpoint="nvfp4 of ModelOpt", kv="fp8-cast"),
        Server(engine=TRTLLM, version="1.3.0rc20", gpus=("h200",), shape="mixture", tensor=4, expert=2),
        Server(engine=TRTLLM, version="1.2.1", gpus=("a100-80-sxm",), method="fp8", checkpoint="fp8 of ModelOpt"),
        Server(engine=TRTLLM, version="1.3.0rc29", gpus=("h200",), kv="nvfp4", method="fp8", is_calibrated=True),
    ),
    PLAN: (
        Plan(engine=PLAN, version="11.0.0", gpus=("l4", "a10g"), tokenizer="tokenizer.json"),
        Plan(engine=PLAN, version="10.16.1", gpus=("h100-sxm",), precision="bf16", profiles=2, is_portable=True),
        Plan(
            engine=PLAN, version="11.1.0", gpus=("l4",), method="int8", is_calibrated=True, tokenizer="tokenizer.json"
        ),
        Plan(
            engine=PLAN, version="11.2.1", gpus=("l4",), task="rerank", graph="a classifier", tokenizer="tokenizer.json"
        ),
    ),
}
"""What mutants are tried on: cases that have, together, all that can go wrong."""


@pytest.mark.parametrize("case", [case for few in FEW.values() for case in few], ids=str)
def test_a_case(case):
    said = judge(case)
    assert bool(said.files) != bool(said.errors)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_caught(mutant, monkeypatch):
    where, name, change, engine, rule = MUTANTS[mutant]
    monkeypatch.setattr(where, name, change(getattr(where, name)))
    said = []
    for case in FEW[engine]:
        try:
            judge(case)
        except (AssertionError, ZeroDivisionError) as error:
            said.append(str(error))
    assert rule in "\n".join(said)


@pytest.mark.parametrize("mutant", ["localhost", "an option that is checked", "an option that is not", "weak types"])
def test_drawn_cases_catch_a_mutant(mutant, monkeypatch):
    where, name, change, engine, _ = MUTANTS[mutant]
    monkeypatch.setattr(where, name, change(getattr(where, name)))
    with pytest.raises(AssertionError):
        checked(plans() if engine == PLAN else servers(engine), 100)


def test_every_rule_has_been_seen_to_speak():
    words = [row[-1] for row in MUTANTS.values()]
    idle = [rule for rule in (*EVERY, *SERVERS, *PLANS) if not any(rule.startswith(word) for word in words)]
    assert idle == []
