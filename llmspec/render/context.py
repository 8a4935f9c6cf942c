"""An image's build context as files, and the reference that its content gives it."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

import msgspec

from llmspec.plan.build import ContextFile, Image
from llmspec.plan.plan import Identity
from llmspec.render.template import render


@cache
def build_context(image: Image) -> dict[str, str]:
    """Everything that `docker build` is given: path → text, the Dockerfile first."""
    paths = [file.path for file in image.files]
    scripts = [path for path in paths if path.endswith(".sh")]
    data = [path for path in paths if path not in scripts]
    values = {**msgspec.structs.asdict(image), "files": paths, "scripts": scripts, "data": data}
    values["installs"] = [list(image.packages)] if image.packages else []
    return {
        "Dockerfile": render(image.template, **values),
        ".dockerignore": render("docker/dockerignore", **values),
        **{file.path: text_of(file) for file in image.files},
    }


def text_of(file: ContextFile) -> str:
    """The text of one file."""
    return render(file.template, **_values(file.values)) if file.template else file.text


def _values(values: object) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(values) if values is not None else {}
    return plain


def reference(image: Image, identity: Identity) -> str:
    """`registry/service-name:tag` with a tag made from the build context: other content, other tag."""
    digest = sha256()
    for path, text in sorted(build_context(image).items()):
        digest.update(f"{len(path)} {path} {len(text)} {text}".encode())
    return f"{identity.registry}/{identity.service}-{image.name}:{digest.hexdigest()[:16]}"
