"""What holds of TensorRT plans and of the Triton that serves them: rules as in matrix_servers.py."""

from google.protobuf import text_format
from matrix_files import GPU, expressions, flags_of, gpus_of, rule
from matrix_table import capability, fits, gpus, is_deprecated, option, read, table
from packaging.version import Version
from tritonclient.grpc.model_config_pb2 import ModelConfig

PLANS = {}
"""Rules by name."""


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
