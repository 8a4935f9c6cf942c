"""What holds of everything that comes out for an engine, each rule a function from a case and its files to faults."""

import json
import re

import yaml
from google.protobuf import text_format
from matrix_table import (
    capability,
    fits,
    gpus,
    holding,
    is_deprecated,
    kv_support,
    named,
    option,
    read,
    support,
    table,
    word,
)  # fmt: skip
from packaging.version import Version
from tritonclient.grpc.model_config_pb2 import ModelConfig

SERVERS, PLANS, EVERY = {}, {}, {}
"""Rules by name: of the servers of language models, of TensorRT plans, of both."""
GPU = "nvidia.com/gpu"
DRIVER = "nvidia.com/cuda.driver-version.major"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
HERE = "default/"
COMMANDS = {
    "vllm": ("vllm serve", "vllm serve"),
    "tensorrt-llm": ("trtllm-serve --config", "trtllm-serve"),
    "sglang": ("sglang.launch_server", "sglang.launch_server"),
}
"""Names of the options in the file and on the command line, in the catalogue."""
NODES = {"vllm": {"nnodes", "node-rank", "master-addr"}, "sglang": {"nnodes", "node-rank", "dist-init-addr"}}
"""What tells the pods of a replica of each other."""


def rule(where):
    def enrol(function):
        where[function.__name__] = function
        return function

    return enrol


class Files:
    """The files of a case, read when they are asked for."""

    def __init__(self, case, said):
        self.case, self.texts = case, {path.removeprefix(HERE): text for path, text in said.files.items()}
        self.objects = [
            yaml.load(text, LOADER)  # noqa: S506 - both are safe
            for path, text in sorted(self.texts.items())
            if path.startswith("kubernetes/") and re.search(r"/(deployment|leaderworkerset|job)\.yaml$", path)
        ]
        self.jobs = [each for each in self.objects if each["kind"] == "Job"]
        (self.owner,) = [each for each in self.objects if each["kind"] != "Job"]

    def base(self, image):
        """The image that a Dockerfile begins with, and whether it is pinned."""
        reference = re.search(r"^ARG BASE=(\S+)$", self.texts[f"docker/{image}/Dockerfile"], re.MULTILINE)[1]
        name, _, digest = reference.partition("@")
        return name, digest

    @property
    def settings(self):
        return yaml.load(self.texts["engine/chat/serve.yaml"], LOADER)  # noqa: S506

    @property
    def steps(self):
        return json.loads(self.texts.get("engine/chat/steps.json", '{"steps": []}'))

    @property
    def is_set(self):
        return self.owner["kind"] == "LeaderWorkerSet"

    @property
    def pods(self):
        """The specs of a replica's pods: of all, or of the leader and of the workers."""
        if not self.is_set:
            return [self.owner["spec"]["template"]["spec"]]
        template = self.owner["spec"]["leaderWorkerTemplate"]
        return [template[key]["spec"] for key in ("leaderTemplate", "workerTemplate")]

    @property
    def count(self):
        return self.owner["spec"]["leaderWorkerTemplate"]["size"] if self.is_set else 1


def gpus_of(pod):
    return sum(int(each["resources"]["limits"].get(GPU, 0)) for each in pod["containers"])


def expressions(pod):
    """Keys of the node affinity: operator and values."""
    affinity = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = affinity["nodeSelectorTerms"]
    return {each["key"]: (each["operator"], each["values"]) for each in term["matchExpressions"]}


def flags_of(container):
    """Options of a command line: name → word, or True where none follows."""
    words, found = container["args"], {}
    for index, each in enumerate(words):
        if each.startswith("--"):
            name, equals, value = each[2:].partition("=")
            following = words[index + 1] if index + 1 < len(words) else "--"
            found[name] = value if equals else True if following.startswith("--") else following
    return found


def flat(values, known, outer=""):
    """Keys as the catalogue has them: `a.b` where it knows what is inside `a`."""
    for key, value in values.items():
        name = f"{outer}{key}"
        if isinstance(value, dict) and any(each.startswith(f"{name}.") for each in known):
            yield from flat(value, known, f"{name}.")
        else:
            yield name, value


def resolved(engine, command, name, version):
    """An option's row; a twin that begins with `no-` is that of the boolean it switches off."""
    row = option(engine, command, name, version)
    if row is None and name.startswith("no-"):
        row = option(engine, command, name[3:], version)
        return row if row and row["type"] == "boolean" else None
    return row


@rule(EVERY)
def nodes_are_those_of_the_gpus_with_a_driver_for_the_release(case, files):
    products = {product for gpu in case.gpus for product in gpus()[gpu]["products"]}
    floor = table(case.engine)["releases"][case.known]["driver"]
    for pod in files.pods:
        found = expressions(pod)
        if set(found) != {f"{GPU}.product", DRIVER}:
            yield f"nodes are picked by {sorted(found)}"
        elif found[f"{GPU}.product"] != ("In", found[f"{GPU}.product"][1]):
            yield "the products are not asked for with `In`"
        elif sorted(found[f"{GPU}.product"][1]) != sorted(products):
            yield f"nodes of {found[f'{GPU}.product'][1]}, not of {sorted(products)}"
        elif found[DRIVER] != ("Gt", [str(floor - 1)]):
            yield f"a driver of {found[DRIVER]}, and the release needs {floor}"


@rule(EVERY)
def the_image_is_that_of_the_release(case, files):
    rows = table(case.engine)
    wanted = rows["releases"][case.known]["images"]["serve"]
    if case.version != case.known:
        wanted = rows["images"]["serve"].replace("{version}", case.version)
    name, digest = files.base("chat")
    if name != wanted or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        yield f"it begins with {name}@{digest}, and the release has {wanted}"


@rule(EVERY)
def gpus_are_as_many_as_are_asked_for(case, files):
    asked = {gpus_of(pod) for pod in files.pods}
    if len(asked) != 1 or asked.pop() * files.count != case.total:
        yield f"{files.count} pods with {[gpus_of(pod) for pod in files.pods]} GPUs for {case.total}"


@rule(EVERY)
def precision_is_one_that_the_gpus_have(case, files):  # noqa: ARG001
    for name, maker in case.formats:
        row = support(case.engine, name, maker, case.known)
        if row is None and name != "none":
            yield f"{case.engine} {case.known} has no row for {name}"
        for gpu in case.gpus:
            if row is not None and capability(gpu) not in row["capabilities"]:
                yield f"{name} on {gpu} ({capability(gpu)})"
    if case.kv != "auto":
        row = kv_support(case.engine, case.kv.removesuffix("-cast"), case.known)
        wrong = [gpu for gpu in case.gpus if row is None or capability(gpu) not in row["capabilities"]]
        yield from (f"a KV cache in {case.kv} on {gpu}" for gpu in wrong)


@rule(SERVERS)
def settings_are_keys_of_the_release(case, files):
    command = COMMANDS[case.engine][0]
    known = table(case.engine)["commands"][command]
    for name, value in flat(files.settings, known):
        row = resolved(case.engine, command, name, case.known)
        if row is None:
            yield f"{case.engine} {case.known} has no key `{name}`"
        elif not fits(row, value):
            yield f"`{name}: {value}` is not {row['type']} of {row.get('choices')}"
        elif is_deprecated(row, case.known):
            yield f"`{name}` is deprecated"
        elif value is False and case.engine == "vllm":
            yield f"`{name}: false`, which vLLM's reader drops"


@rule(SERVERS)
def flags_are_those_of_the_release(case, files):
    command = COMMANDS[case.engine][1]
    for pod in files.pods:
        for name, value in flags_of(pod["containers"][0]).items():
            row = resolved(case.engine, command, name, case.known)
            if row is None:
                yield f"{case.engine} {case.known} has no flag `--{name}`"
            elif (value is True) != (row["type"] in ("boolean", "flag")):
                yield f"`--{name}` is followed by {value}"
            elif value is not True and "$(" not in value and not fits(row, read(value, row)):
                yield f"`--{name} {value}` is not {row['type']} of {row.get('choices')}"


@rule(SERVERS)
def nothing_is_said_twice(case, files):  # noqa: ARG001
    """In the file and on the command line; which of the two wins differs by release."""
    for pod in files.pods:
        twice = set(flags_of(pod["containers"][0])) & set(files.settings)
        yield from (f"`{name}` stands in both" for name in sorted(twice))


@rule(SERVERS)
def a_replica_is_split_as_it_was_asked_for(case, files):
    found = files.settings
    if case.engine == "vllm":
        keys = [f"{each}-parallel-size" for each in ("tensor", "pipeline", "data")]
        wanted = [case.tensor, case.pipeline, case.data]
    elif case.engine == "sglang":
        keys, wanted = ["tp-size", "pp-size", "dp-size", "ep-size"], [case.tensor, case.pipeline, 1, case.expert]
    else:
        keys = ["tensor_parallel_size", "pipeline_parallel_size"]
        wanted = [case.tensor * case.data, case.pipeline]
        if found.get("moe_expert_parallel_size", 1) != case.expert:
            yield f"experts over {found.get('moe_expert_parallel_size')}, not {case.expert}"
        if bool(found.get("enable_attention_dp")) != (case.data > 1):
            yield f"attention copies: {found.get('enable_attention_dp')} for {case.data}"
    if [found.get(key, 1) for key in keys] != wanted:
        yield f"{[found.get(key, 1) for key in keys]} for {wanted}"
    if case.engine == "vllm" and bool(found.get("enable-expert-parallel")) != (case.expert > 1):
        yield f"experts: {found.get('enable-expert-parallel')} for {case.expert}"


@rule(SERVERS)
def experts_lie_on_the_gpus_that_there_are(case, files):
    """vLLM spreads experts over all of them; TensorRT-LLM over a divisor of its ranks (`Mapping`)."""
    ranks = case.tensor * case.data
    if case.engine == "vllm" and files.settings.get("enable-expert-parallel") and case.expert != ranks:
        yield f"experts over {case.expert}, and vLLM spreads them over {ranks}"
    if case.engine == "sglang" and case.tensor % files.settings.get("ep-size", 1):
        yield f"experts over {case.expert} of {case.tensor}"
    if case.engine == "tensorrt-llm" and ranks % files.settings.get("moe_expert_parallel_size", 1):
        yield f"experts over {case.expert} of {ranks}"


@rule(SERVERS)
def several_nodes_are_a_set_and_one_is_none(case, files):
    nodes = -(-case.total // case.gpus_per_node)
    if files.is_set != (nodes > 1):
        yield f"{files.owner['kind']} for {nodes} nodes"
    elif files.count != nodes:
        yield f"{files.count} pods for {nodes} nodes"
    elif files.is_set and not NODES[case.engine] <= set(flags_of(files.pods[0]["containers"][0])):
        yield "the pods do not find each other"


@rule(SERVERS)
def shared_memory_is_there_where_gpus_share(case, files):
    for pod in files.pods:
        volumes = {
            each["name"] for each in pod["volumes"] if each.get("emptyDir", {}).get("medium") == "Memory"
        }  # fmt: skip
        mounts = {each["name"] for each in pod["containers"][0]["volumeMounts"] if each["mountPath"] == "/dev/shm"}
        if (case.total > 1) != bool(mounts) or mounts != volumes:
            yield f"{case.total} GPUs with /dev/shm from {sorted(mounts)}, {sorted(volumes)} in memory"


@rule(SERVERS)
def a_job_makes_the_precision_that_is_asked_for(case, files):
    args = files.pods[0]["containers"][0]["args"]
    folder = args[args.index("--model-path") + 1] if case.engine == "sglang" else args[0]
    if len(files.jobs) != case.is_built or bool(files.steps["steps"]) != case.is_built:
        yield f"{len(files.jobs)} jobs, and it is{'' if case.is_built else ' not'} built"
        return
    waits = [each.get("args", []) for each in files.pods[0]["initContainers"] if each["name"].startswith("wait")]
    if not case.is_built:
        yield from (f"it waits for {each}" for each in waits)
        return
    (step,), result = files.steps["steps"], files.steps["result"]
    (container,) = files.jobs[0]["spec"]["template"]["spec"]["containers"]
    row = holding(table("modelopt")["quantizations"][case.method], "0.47.0")
    argv = step["argv"]
    if argv[argv.index("--format") + 1] != row["name"]:
        yield f"{argv} does not name {row['name']}"
    if folder != result or case.method not in result:
        yield f"{folder} is served, and the job makes {result}"
    if waits != [[f"{result}/.complete"]]:
        yield f"it waits for {waits}"
    if container["args"][-1] != result or not gpus_of(files.jobs[0]["spec"]["template"]["spec"]):
        yield f"the job is given {container['args']}"
    if "quantization" in files.settings:
        yield f"what a job made is quantized again, to {files.settings['quantization']}"


@rule(SERVERS)
def the_kv_cache_is_in_what_is_asked_for(case, files):
    found = files.settings
    dtype = found.get("kv-cache-dtype") or found.get("kv_cache_config", {}).get("dtype")
    row = kv_support(case.engine, case.kv.removesuffix("-cast"), case.known) if case.kv != "auto" else None
    if dtype != (row["name"] if row else None):
        yield f"the KV cache is in {dtype}, asked for was {case.kv}"
    if case.kv in ("fp8", "nvfp4") and case.kv != case.scales and not case.is_built:
        yield f"no scales for a KV cache in {case.kv}"


@rule(SERVERS)
def the_server_is_reached_and_measured(case, files):
    flags, settings = flags_of(files.pods[0]["containers"][0]), files.settings
    if (flags.get("host") or settings.get("host")) != "0.0.0.0":  # noqa: S104
        yield f"it listens on {flags.get('host') or settings.get('host')}"
    (port,) = files.pods[0]["containers"][0]["ports"]
    if str(flags.get("port") or settings.get("port")) != str(port["containerPort"]):
        yield f"it listens at {flags.get('port') or settings.get('port')}, and the pod says {port}"
    probes = {files.pods[0]["containers"][0][f"{each}Probe"]["httpGet"]["path"] for each in ("startup", "liveness")}
    if probes != {word(case.engine, "healthPath", case.known)}:
        yield f"probes ask {probes}"
    if case.engine == "sglang" and settings.get("enable-metrics") is not True:
        yield "no metrics"
    if case.engine == "tensorrt-llm":
        if settings.get("return_perf_metrics") is not True:
            yield "no metrics"
        has = option(case.engine, "trtllm-serve", "telemetry", case.known) is not None
        if has != (flags.get("no-telemetry") is True):
            yield f"telemetry: the release has it: {has}; flags: {sorted(flags)}"


@rule(SERVERS)
def what_is_not_in_the_checkpoint_is_made_while_loading_or_by_a_job(case, files):
    online = files.settings.get("quantization")
    wanted = case.method if not case.has and case.method not in (None, "none") and not case.is_built else None
    if online != wanted or (wanted and wanted not in named(case.engine, "online", case.known)):
        yield f"`quantization: {online}`, wanted was {wanted}"


# --- TensorRT -----------------------------------------------------------------------------------------------------


def plan_steps(files):
    return [each for each in files.steps["steps"] if each["argv"][0] == "trtexec"]


def config_of(files, model):
    text = files.texts[f"docker/chat-build/repository/{model}/config.pbtxt"]
    return text_format.Parse(text, ModelConfig())


@rule(PLANS)
def a_plan_for_each_capability(case, files):
    wanted = {""} if case.portable == "ampere+" else {capability(gpu) for gpu in case.gpus}
    steps = plan_steps(files)
    if {each["computeCapability"] or "" for each in steps} != wanted or len(steps) != len(wanted):
        yield f"plans for {[each['computeCapability'] for each in steps]}, wanted {sorted(wanted)}"
    if case.portable == "ampere+" and any(Version(capability(gpu)) < Version("8.0") for gpu in case.gpus):
        yield f"a plan for Ampere and later on {case.gpus}"
    if len(files.jobs) != len(wanted):
        yield f"{len(files.jobs)} jobs for {sorted(wanted)}"


@rule(PLANS)
def triton_loads_the_plans_that_are_built(case, files):
    model = "chat-engine" if case.tokenizer else "chat"
    config = config_of(files, model)
    built = {each["computeCapability"] or "": each["outputs"] for each in plan_steps(files)}
    named_files = dict(config.cc_model_filenames) or {"": config.default_model_filename or "model.plan"}
    wanted = {key: [f"out/repository/{model}/1/{value}"] for key, value in named_files.items()}
    if wanted != built:
        yield f"Triton loads {wanted}, built are {built}"
    for step in plan_steps(files):
        if f"--saveEngine={step['outputs'][0]}" not in step["argv"]:
            yield f"the step writes elsewhere: {step['argv']}"
    if files.texts[f"triton/{model}/config.pbtxt"] != files.texts[f"docker/chat-build/repository/{model}/config.pbtxt"]:
        yield "what is reviewed is not what is built"


@rule(PLANS)
def jobs_run_on_the_gpus_that_they_build_for(case, files):
    for job in files.jobs:
        pod = job["spec"]["template"]["spec"]
        argv = pod["containers"][0]["args"]
        own = argv[argv.index("--capability") + 1] if "--capability" in argv else ""
        wanted = {each for gpu in case.gpus if own in ("", capability(gpu)) for each in gpus()[gpu]["products"]}
        if set(expressions(pod)[f"{GPU}.product"][1]) != wanted:
            yield f"the job for {own or 'all'} runs on {expressions(pod)}"
        if argv[-1] != files.steps["result"] or gpus_of(pod) != 1:
            yield f"the job is given {argv}"
    (wait,) = [each for each in files.pods[0]["initContainers"] if each["name"].startswith("wait")]
    ends = [f"-{each}" for each in files.steps["capabilities"]] or [""]
    if wait.get("args") != [f"{files.steps['result']}/.complete{end}" for end in ends]:
        yield f"it waits for {wait.get('args')}"
    server = files.pods[0]["containers"][0]["args"]
    if f"--model-repository={files.steps['result']}/repository" not in server:
        yield f"it serves {server}"


@rule(PLANS)
def trtexec_is_told_what_the_release_knows(case, files):
    for step in plan_steps(files):
        for each in step["argv"][1:]:
            name, equals, value = each.removeprefix("--").partition("=")
            row = option("tensorrt", "trtexec", name, case.known)
            if row is None or is_deprecated(row, case.known):
                yield f"trtexec of {case.known} has no `--{name}`, or not for long"
            elif bool(equals) != (row["type"] != "flag"):
                yield f"`{each}` is {row['type']}"
            elif equals and not fits(row, read(value, row)):
                yield f"`{each}` is not {row['type']} of {row.get('choices')}"
        names = {each.removeprefix("--").partition("=")[0] for each in step["argv"][1:]}
        if ("stronglyTyped" in names) != (Version(case.known) < Version("11")):
            yield f"strongly typed in {case.known}: {sorted(names)}"


@rule(PLANS)
def modelopt_is_told_what_it_knows(case, files):  # noqa: ARG001
    for step in files.steps["steps"]:
        argv = step["argv"]
        if argv[:2] != ["python3", "-m"]:
            continue
        for index, each in enumerate(argv):
            if each.startswith("--"):
                row = option("modelopt", argv[2], each[2:], "0.47.0")
                following = argv[index + 1] if index + 1 < len(argv) else "--"
                if row is None:
                    yield f"{argv[2]} has no {each}"
                elif row["type"] not in ("flag", "boolean") and not fits(row, read(following, row)):
                    yield f"{argv[2]} {each} {following} is not {row['type']} of {row.get('choices')}"


@rule(PLANS)
def the_precision_is_put_into_the_graph(case, files):
    modules = [each["argv"][2] for each in files.steps["steps"] if each["argv"][:2] == ["python3", "-m"]]
    is_quantized = case.method not in (None, "none")
    wanted = ["modelopt.onnx.quantization"] if is_quantized else ["modelopt.onnx.autocast"]
    if not is_quantized and case.precision == "fp32":
        wanted = []
    if modules != wanted:
        yield f"{modules} for {case.precision} and {case.method}"
    words = [word for each in files.steps["steps"] for word in each["argv"]]
    if is_quantized and case.method not in words:
        yield f"nothing is told of {case.method}"
    typed = [word for word in words if word.startswith("--onnx=")]
    outputs = {output for each in files.steps["steps"] for output in each["outputs"]} | {"source/model.onnx"}
    yield from (f"{each} is made by nobody" for each in typed if each.removeprefix("--onnx=") not in outputs)


@rule(PLANS)
def both_images_are_of_one_month(case, files):
    found = {image: files.base(image)[0].rpartition(":")[2] for image in ("chat", "chat-build")}
    if len(set(found.values())) != 1:
        yield f"{found}"
    month = table("tensorrt")["releases"][case.known]["pins"]["month"]
    if not found["chat"].startswith(f"{month}-"):
        yield f"{found} are not of {month}"
    if files.steps["requires"] != {"tensorrt": case.version}:
        yield f"the build requires {files.steps['requires']}"


@rule(PLANS)
def profiles_have_every_input(case, files):
    for step in plan_steps(files):
        for end in ("min", "opt", "max"):
            rows = [each for each in step["argv"] if each.startswith(f"--{end}Shapes=")]
            shapes = [each.partition("=")[2].split(",") for each in rows]
            inputs = [[part.partition(":")[0] for part in each] for each in shapes]
            if inputs != [list(case.inputs)] * case.profiles:
                yield f"{end}Shapes have {inputs}"
        if step["argv"].count("--profile=1") != (case.profiles > 1):
            yield "profiles are not told apart"
    config = config_of(files, "chat-engine" if case.tokenizer else "chat")
    if len(config.instance_group[0].profile) != case.profiles:
        yield f"Triton uses profiles {list(config.instance_group[0].profile)} of {case.profiles}"


@rule(PLANS)
def text_goes_in_where_there_is_a_tokenizer(case, files):
    found = {path.split("/")[1] for path in files.texts if path.startswith("triton/")}
    wanted = {"chat", "chat-engine", "chat-tokenizer"} if case.tokenizer else {"chat"}
    if found != wanted:
        yield f"models {sorted(found)}, wanted {sorted(wanted)}"
    if case.tokenizer:
        texts = [each.name for each in config_of(files, "chat").input]
        if texts != (["query", "document"] if case.task == "rerank" else ["text"]):
            yield f"the ensemble takes {texts} for {case.task}"


@rule(PLANS)
def triton_is_told_what_its_release_knows(case, files):
    version = table("tensorrt")["releases"][case.known]["pins"]["triton"]
    for name in flags_of(files.pods[0]["containers"][0]):
        row = option("triton", "tritonserver", name, version)
        if row is None or is_deprecated(row, version):
            yield f"Triton {version} has no `--{name}`, or not for long"
    has = "--backend-config=tensorrt,version-compatible=true" in files.pods[0]["containers"][0]["args"]
    built = any("--versionCompatible" in each["argv"] for each in plan_steps(files))
    if not has == built == case.is_portable:
        yield f"version compatible: {case.is_portable} asked for, {built} built, {has} served"


def faults(case, said):
    """Everything that is wrong with what came out."""
    files = Files(case, said)
    rules = EVERY | (PLANS if case.engine == "tensorrt" else SERVERS)
    return [f"{name}: {fault}" for name, each in rules.items() for fault in each(case, files)]
