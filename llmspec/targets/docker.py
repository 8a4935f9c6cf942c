"""Build contexts of the images."""

from __future__ import annotations

from collections.abc import Iterator

from llmspec.artifacts.artifact import Artifact
from llmspec.families import Target
from llmspec.plan.plan import Plans
from llmspec.render.context import build_context
from llmspec.report.report import Report


class Docker(Target):
    """One folder an image: everything that a builder needs, and nothing else."""

    kind = "docker"

    def emit(self, plans: Plans, report: Report) -> Iterator[Artifact]:  # noqa: ARG002 - nothing here can be wrong
        for plan in plans.environments:
            for image in plan.images:
                for path, text in build_context(image).items():
                    yield Artifact(
                        f"{plan.identity.environment}/docker/{image.name}/{path}",
                        _PURPOSES.get(path, f"copied into the image: {path}").format(title=image.title),
                        text=text,
                        sources={"": (image.origin,)},
                        executable=path.endswith(".sh"),
                    )


_PURPOSES = {
    "Dockerfile": "{title}",
    ".dockerignore": "what the builder is given",
    "build.sh": "runs the build steps in the image",
    "quantize_checkpoint.py": "quantizes the checkpoint with ModelOpt",
    "export_onnx.py": "exports the checkpoint to ONNX",
    "calibration.py": "turns texts into tensors to calibrate with",
    "calibration.jsonl": "texts that the quantization is calibrated with",
    "fetch.sh": "fills the cache with verified weights, once",
    "download.sh": "downloads from the source",
    "health.py": "health check of the container",
    "wait-for.sh": "waits until the engine is built",
}
