"""What holds of everything that comes out for an engine, and of the servers of language models: each rule a function
from a case and its files to faults."""

import re

from matrix_files import GPU, expressions, flags_of, gpus_of, rule
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

EVERY, SERVERS = {}, {}
"""Rules by name: of every engine, and of the servers of language models."""
DRIVER = "nvidia.com/cuda.driver-version.major"
COMMANDS = {
    "vllm": ("vllm serve", "vllm serve"),
    "tensorrt-llm": ("trtllm-serve --config", "trtllm-serve"),
    "sglang": ("sglang.launch_server", "sglang.launch_server"),
}
"""Names of the options in the file and on the command line, in the catalogue."""
NODES = {"vllm": {"nnodes", "node-rank", "master-addr"}, "sglang": {"nnodes", "node-rank", "dist-init-addr"}}
"""What tells the pods of a replica of each other."""


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
