"""What Triton's core checks of a configuration beside its syntax: ValidateModelConfig of model_config_utils.cc."""

from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

PLATFORMS = {"tensorrt_plan", "onnxruntime_onnx", "ensemble", "pytorch_libtorch"}
BACKENDS = {"tensorrt", "onnxruntime", "python", "vllm", "pytorch"}


def faults(config: ModelConfig) -> list[str]:
    """Everything that Triton would refuse, in words; empty if nothing."""
    return [word for rule in RULES for word in rule(config)]


def _name(config):
    if not config.name:
        yield "no name"
    if not (config.platform in PLATFORMS or config.backend in BACKENDS):
        yield f"unknown platform `{config.platform}` and backend `{config.backend}`"
    if config.platform == "ensemble" and config.backend:
        yield "an ensemble has no backend"


def _batches(config):
    most = config.max_batch_size
    if most < 0:
        yield f"max_batch_size is {most}"
    for size in config.dynamic_batching.preferred_batch_size:
        if not 0 < size <= most:
            yield f"preferred_batch_size {size} is not in 1..{most}"
    if config.HasField("dynamic_batching") and most == 0:
        yield "dynamic batching without batches"
    if config.dynamic_batching.preserve_ordering and config.dynamic_batching.priority_levels > 1:
        yield "preserve_ordering with several priority levels"


def _tensors(config):
    if not config.input or not config.output:
        yield "no input or no output"
    tensors = [*config.input, *config.output]
    for tensor in tensors:
        if not tensor.name or not tensor.data_type:
            yield f"tensor `{tensor.name}` without name or type"
        if not tensor.dims and not config.max_batch_size:
            yield f"tensor `{tensor.name}` without dims"
        yield from (f"dimension {size} of `{tensor.name}`" for size in tensor.dims if size < 1 and size != -1)
    names = [tensor.name for tensor in tensors]
    yield from (f"two tensors `{name}`" for name in set(names) if names.count(name) > 1)


def _instances(config):
    for group in config.instance_group:
        if group.kind == ModelInstanceGroup.KIND_CPU and config.platform == "tensorrt_plan":
            yield "TensorRT on a CPU"
        if group.count < 1:
            yield f"{group.count} instances"
        yield from (f"profile `{profile}`" for profile in group.profile if not profile.isdigit())


def _plans(config):
    for capability, file in config.cc_model_filenames.items():
        major, _, minor = capability.partition(".")
        if not (major.isdigit() and minor.isdigit()) or "/" in file or not file:
            yield f"cc_model_filenames {capability}: {file}"


def _ensemble(config):
    steps = config.ensemble_scheduling.step
    if (config.platform == "ensemble") != bool(steps):
        yield f"platform `{config.platform}` with {len(steps)} steps"
    for step in steps:
        if not (step.model_name and step.input_map and step.output_map):
            yield f"the step `{step.model_name}` lacks a name, inputs or outputs"
    known = {each.name for each in config.input}
    made = [tensor for step in steps for tensor in step.output_map.values()]
    used = {tensor for step in steps for tensor in step.input_map.values()}
    if steps:
        yield from (f"nothing makes `{tensor}`" for tensor in sorted(used - known - set(made)))
        yield from (f"nothing uses the input `{tensor}`" for tensor in sorted(known - used))
        yield from (f"nothing makes the output `{each.name}`" for each in config.output if each.name not in made)
        yield from (f"`{tensor}` is made twice" for tensor in sorted(set(made)) if made.count(tensor) > 1)


def _warmups(config):
    for warmup in config.model_warmup:
        if not warmup.name or not 0 < warmup.batch_size <= max(1, config.max_batch_size):
            yield f"a warm-up `{warmup.name}` of batch {warmup.batch_size}"
        for name, each in warmup.inputs.items():
            if name not in {tensor.name for tensor in config.input}:
                yield f"a warm-up of the unknown input `{name}`"
            if not each.data_type or each.WhichOneof("input_data_type") is None:
                yield f"a warm-up of `{name}` without type or data"


RULES = (_name, _batches, _tensors, _instances, _plans, _ensemble, _warmups)
