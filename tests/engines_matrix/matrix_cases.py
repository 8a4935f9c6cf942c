"""Cases: what is drawn, the spec that asks for it, and, worked out from the catalogue's JSON alone, what is wrong."""

from hypothesis import strategies as st
from matrix_files import Files
from matrix_plans import PLANS
from matrix_servers import COMMANDS, EVERY, SERVERS
from matrix_spec import CHECKPOINTS, GRAPHS, ROWS, SHAPES, SMALL, WHERE, lock_of, outcome, spec_of, without_empty
from matrix_table import capability, gpus, kv_support, named, option, support, table, versions
from msgspec import Struct

METHODS = ("none", "fp8", "nvfp4", "mxfp4", "int8", "int8-smoothquant", "int4-awq", "w4a8-awq", "gptq")
GIB = 2**30


class Base(Struct, frozen=True, kw_only=True):
    """What both kinds of engine have. `like` is `assumeLike`; `known` the release whose facts hold."""

    engine: str
    version: str
    like: str | None = None
    gpus: tuple[str, ...]
    method: str | None = None
    kv: str = "auto"
    is_calibrated: bool = False

    @property
    def known(self):
        """Nothing can stand in for a release whose images cannot be told from its version."""
        rows, like = table(self.engine)["releases"], self.like if table(self.engine).get("images") else None
        return self.version if self.version in rows else like if like in rows else None

    @property
    def quantization(self):
        calibration = {"file": WHERE, "samples": len(ROWS.splitlines())} if self.is_calibrated else None
        kv = self.kv if self.kv != "auto" else None
        return without_empty({"method": self.method, "kvCache": kv, "calibration": calibration})

    @property
    def hardware(self):
        return without_empty({"gpu": self.gpus[0], "alternatives": list(self.gpus[1:]) or None})

    def outcome(self):
        text, lines = spec_of(without_empty(self.body))
        images = [each.replace("{version}", self.version) for each in table(self.engine).get("images", {}).values()]
        return outcome(text, lock_of(self.facts, images)), lines


class Server(Base, frozen=True, kw_only=True):
    """A language model. `checkpoint` and `shape` say what the lock has of it."""

    checkpoint: str = "unquantized"
    shape: str = "dense"
    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1
    gpus_per_node: int = 8

    @property
    def facts(self):
        return SHAPES[self.shape] | CHECKPOINTS[self.checkpoint]

    @property
    def body(self):
        split = {key: getattr(self, key) for key in ("tensor", "pipeline", "data", "expert")}
        return {
            "engine": without_empty({"kind": self.engine, "version": self.version, "assumeLike": self.like}),
            "hardware": self.hardware | {"gpusPerNode": self.gpus_per_node},
            "parallelism": {key: value for key, value in split.items() if value != 1},
            "quantization": self.quantization,
        }

    @property
    def total(self):
        return self.tensor * self.pipeline * self.data

    @property
    def has(self):
        return CHECKPOINTS[self.checkpoint].get("quantization", "")

    @property
    def scales(self):
        return CHECKPOINTS[self.checkpoint].get("kvScales", "")

    @property
    def served(self):
        return self.method or self.has or "none"

    @property
    def is_built(self):
        return self.is_calibrated and not self.has and self.served != "none"

    @property
    def formats(self):
        made = "modelopt" if self.is_built else self.served
        return [(self.served, CHECKPOINTS[self.checkpoint]["quantizer"] if self.has else made)]

    def refusals(self):
        """Why it must be refused, each as the key that is at fault, with its path in the model."""
        if self.known is None:
            return {"engine.version"}
        precision = set(self._precision()) or set(self._making())
        return precision | set(self._split()) | set(self._memory()) | set(self._options())

    def _precision(self):
        asked = self.method
        if self.has and asked not in (None, self.has):
            yield "quantization.method"
        where = "quantization.method" if asked else "metadata" if self.has else "engine.kind"
        if not all(_works(self.engine, *each, self.gpus, self.known) for each in self.formats):
            yield where
        if self.kv != "auto":
            row = kv_support(self.engine, self.kv.removesuffix("-cast"), self.known)
            is_able = row is not None and all(capability(gpu) in row["capabilities"] for gpu in self.gpus)
            needs_scales = self.kv in ("fp8", "nvfp4") and not self.is_built
            if not is_able or (needs_scales and self.kv != self.scales):
                yield "quantization.kvCache"

    def _making(self):
        able = table("modelopt")["quantizations"]
        if self.is_calibrated and (self.has or self.served == "none"):
            yield "quantization.calibration"
        elif not self.has and self.served != "none":
            ready = able if self.is_calibrated else named(self.engine, "online", self.known)
            if self.served not in ready:
                yield "quantization.method"

    def _split(self):
        facts = self.facts
        if facts["attentionHeads"] % self.tensor or (facts["kvHeads"] % self.tensor and self.tensor % facts["kvHeads"]):
            yield "parallelism.tensor"
        if self.pipeline > facts["layers"]:
            yield "parallelism.pipeline"
        if self.expert > 1 and (not facts.get("experts") or facts["experts"] % self.expert):
            yield "parallelism.expert"
        ranks = self.tensor * (1 if self.engine == "sglang" else self.data)
        if self.expert > 1 and (ranks != self.expert if self.engine == "vllm" else ranks % self.expert):
            yield "parallelism.expert"
        nodes = -(-self.total // self.gpus_per_node)
        if self.data > 1 and {"vllm": nodes > 1, "tensorrt-llm": self.tensor > 1, "sglang": True}[self.engine]:
            yield "parallelism.data"
        if nodes > 1 and (self.engine == "tensorrt-llm" or self.total % self.gpus_per_node):
            yield "parallelism"
        if self.total > 1 and len(self.gpus) > 1:
            yield "parallelism"

    def _memory(self):
        """Only what is far from the border is asserted; `None` says that either answer is right."""
        split = self.tensor * self.pipeline * (self.data if self.expert > 1 else 1)
        bits = {"none": 16, "fp8": 8, "int8": 8, "int8-smoothquant": 8}.get(self.served, 4.5)
        need = self.facts["weightBytes"] * (1 if self.has else bits / 16) / split / GIB
        least = min(gpus()[gpu]["memoryMiB"] for gpu in self.gpus) / 1024
        if need > least * 1.1:
            yield "parallelism.tensor" if self.tensor > 1 else "name"
        elif need > least * 0.8:
            yield None

    def _options(self):
        own = {"vllm": VLLM, "tensorrt-llm": TRTLLM, "sglang": SGLANG}[self.engine]
        wanted = [name for name, is_used in own.items() if is_used(self)]
        if any(option(self.engine, COMMANDS[self.engine][0], name, self.known) is None for name in wanted):
            yield "engine.version"


VLLM = {
    "nnodes": lambda case: case.total > case.gpus_per_node,
    "headless": lambda case: case.total > case.gpus_per_node,
    "shutdown-timeout": lambda _: True,
    "data-parallel-size": lambda case: case.data > 1,
    "enable-expert-parallel": lambda case: case.expert > 1,
}
TRTLLM = {
    "return_perf_metrics": lambda _: True,
    "enable_attention_dp": lambda case: case.data > 1,
    "moe_expert_parallel_size": lambda case: case.expert > 1,
}
SGLANG = {"enable-metrics": lambda _: True, "nnodes": lambda case: case.total > case.gpus_per_node}


class Plan(Base, frozen=True, kw_only=True):
    """A graph."""

    graph: str = "a pooled embedder"
    task: str = "embed"
    precision: str = "fp16"
    tokenizer: str | None = None
    portable: str = "none"
    is_portable: bool = False
    profiles: int = 1

    total = 1

    @property
    def facts(self):
        return SMALL | GRAPHS[self.graph]

    @property
    def inputs(self):
        return [each["name"] for each in self.facts["inputs"]]

    @property
    def axes(self):
        return {axis for each in self.facts["inputs"] for axis in each["shape"] if isinstance(axis, str)}

    @property
    def body(self):
        ranges = [{"batch": [1, 4, 8], "sequence": [8, 32, 64]}, {"batch": [1, 16, 32], "sequence": [8, 128, 512]}]
        profiles = [{axis: each[axis] for axis in sorted(self.axes)} for each in ranges[: self.profiles]]
        engine = {
            "kind": "tensorrt", "version": self.version, "assumeLike": self.like, "precision": self.precision,
            "tokenizer": self.tokenizer, "profiles": profiles, "versionCompatible": self.is_portable or None,
            "hardwareCompatibility": self.portable if self.portable != "none" else None,
        }  # fmt: skip
        return {
            "task": self.task, "engine": without_empty(engine), "hardware": self.hardware,
            "quantization": self.quantization,
        }  # fmt: skip

    @property
    def formats(self):
        own = [(self.precision, "")]
        return own if self.method in (None, "none") else [*own, (self.method, "")]

    def refusals(self):
        """Why it must be refused, each as the key that is at fault, with its path in the model."""
        if self.known is None:
            return {"engine.version"}
        wrong = {key for key, is_wrong in self._wrong() if is_wrong}
        making = set(self._making()) if not wrong & {"engine.precision", "quantization.method"} else set()
        return wrong | making

    def _making(self):
        is_quantized = self.method not in (None, "none")
        if self.is_calibrated > is_quantized:
            yield "quantization.calibration"
        if is_quantized > self.is_calibrated:
            yield "quantization.method"

    def _wrong(self):
        works = [_works("tensorrt", *each, self.gpus, self.known) for each in self.formats]
        pins = table("tensorrt")["releases"][self.known]["pins"]
        yield "engine.precision", not works[0]
        yield "quantization.method", not all(works[1:])
        yield "quantization.method", self.method in ("int8", "fp8") and not self.tokenizer
        yield "quantization.kvCache", self.kv != "auto"
        yield "metadata", self.facts["opset"] > int(pins.get("opset", 99))
        yield "metadata", self.task == "embed" and all(len(each["shape"]) != 2 for each in self.facts["outputs"])
        yield "engine.tokenizer", bool(self.tokenizer) and "input_ids" not in self.inputs
        lowest = min(float(capability(gpu)) for gpu in self.gpus)
        yield "engine.hardwareCompatibility", self.portable == "ampere+" and lowest < 8.0


def faults(case, said):
    """Everything that is wrong with what came out."""
    files = Files(case, said)
    rules = EVERY | (PLANS if case.engine == "tensorrt" else SERVERS)
    return [f"{name}: {fault}" for name, each in rules.items() for fault in each(case, files)]


def judge(case):
    """Either files that satisfy every rule, or an error at each key that is at fault, and at no other."""
    said, lines = case.outcome()
    assert all(row.span.source.name == "llm.yaml" for row in said.errors)
    found, wanted = {lines.get(row.span.line, "elsewhere") for row in said.errors}, case.refusals()
    close = {"name", "parallelism.tensor"} if None in wanted else set()
    rows = [f"{row.code.id} {row.message}" for row in said.errors]
    is_right = found - close == wanted - close - {None}
    wrong = [] if is_right else [f"places: errors at {found}, wanted at {wanted}: {rows}"]
    wrong += faults(case, said) if said.files else []
    assert not wrong, "\n".join(wrong)
    return said


def _works(engine, method, maker, skus, version):
    row = support(engine, method, maker, version)
    if row is None:
        return method == "none"
    return all(capability(gpu) in row["capabilities"] for gpu in skus)


SKUS = sorted(gpus())
LATER = {"vllm": "0.99.0", "sglang": "0.99.0", "tensorrt-llm": "1.99.0rc1", "tensorrt": "11.99.0"}
"""A release that no catalogue of today knows."""


@st.composite
def releases(draw, engine):
    """A version that is known, or, one time in eight, one that is not, taken to be like the newest or like nothing."""
    if draw(st.integers(0, 7)):
        return {"version": draw(st.sampled_from(versions(engine)[::-1]))}
    like = draw(st.sampled_from([versions(engine)[-1], None]))
    return {"version": LATER[engine], "like": like}


def often(usual, *others):
    """The usual value about half of the time: most of what people write is plain."""
    return st.one_of(st.just(usual), st.sampled_from([usual, *others]))


@st.composite
def servers(draw, engine):
    checkpoint = draw(often("unquantized", *CHECKPOINTS))
    own = CHECKPOINTS[checkpoint].get("quantization")
    skus = draw(st.lists(st.sampled_from(SKUS), min_size=1, max_size=1 + (draw(st.integers(0, 7)) == 0), unique=True))
    tensor, data = draw(often(1, 2, 3, 4, 8, 16)), draw(often(1, 1, 2, 4))
    is_calibrated = draw(st.booleans()) if not own else draw(st.integers(0, 7)) == 0
    usual = draw(st.sampled_from(sorted(table("modelopt")["quantizations"]))) if is_calibrated and not own else own
    return Server(
        engine=engine,
        **draw(releases(engine)),
        gpus=tuple(skus),
        checkpoint=checkpoint,
        shape=draw(st.sampled_from(sorted(SHAPES))),
        method=draw(often(usual if usual in METHODS else None, None, *METHODS)),
        kv=draw(often("auto", "fp8", "fp8-cast", "nvfp4")),
        is_calibrated=is_calibrated,
        tensor=tensor,
        pipeline=draw(often(1, 1, 2, 40)),
        data=data,
        expert=draw(often(1, tensor * data, tensor * data, 2, 3, 8)),
        gpus_per_node=draw(often(8, 1, 2, 4)),
    )


@st.composite
def plans(draw):
    graph = draw(often("a pooled embedder", *GRAPHS))
    skus = draw(st.lists(st.sampled_from(SKUS), min_size=1, max_size=2, unique=True))
    return Plan(
        engine="tensorrt",
        **draw(releases("tensorrt")),
        gpus=tuple(skus),
        graph=graph,
        task=draw(st.sampled_from(["embed", "rerank", "classify"])),
        precision=draw(st.sampled_from(["fp16", "bf16", "fp32"])),
        method=draw(often(None, *METHODS)),
        kv=draw(st.sampled_from(["auto"] * 7 + ["fp8"])),
        is_calibrated=draw(st.booleans()),
        tokenizer=draw(st.sampled_from([None, "tokenizer.json"])),
        portable=draw(often("none", "sameComputeCapability", "ampere+")),
        is_portable=draw(st.booleans()),
        profiles=draw(st.sampled_from([1, 2])),
    )
