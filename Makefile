# Everything a person or CI does with llmspec. `make` lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Without bytecode every start of Python compiles the project again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3.13 python3.12 python3.11 python3 /usr/bin/python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input install --root-user-action=ignore
SCRIPTS := .ci/run $(wildcard tests/*/*.sh tests/*/*/*.sh)

# An environment whose Python went away (a link to nowhere) is none, stamps and all.
$(if $(realpath $(BIN)/python),,$(shell rm -rf $(VENV)))

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: $(VENV)/.project ## Compile the example specs/support-assistant
	@$(BIN)/python -m compileall -q llmspec
	@$(BIN)/llmspec compile specs/support-assistant

.PHONY: test
test: $(VENV)/.tools ## Run the tests (ARGS='-k name' picks)
	@$(BIN)/python -m pytest -n auto $(ARGS)

.PHONY: check
check: $(VENV)/.tools ## Lint, formatting, types and the laws of the architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/shellcheck $(SCRIPTS)
	@$(BIN)/python -m pytest tests/laws

.PHONY: fix
fix: $(VENV)/.tools ## Repair what lint and formatting can repair
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: generated
generated: $(VENV)/.project ## Compile every example again
	@$(BIN)/python -m llmspec compile specs

.PHONY: docs
docs: $(VENV)/.project ## Write the reference pages again
	@$(BIN)/python docs/make.py

.PHONY: catalog
catalog: $(VENV)/.tools ## Read an engine's wheels into the catalogue (ENGINE=vllm VERSION=0.34.0)
	@$(BIN)/python tools/catalog/wheels.py $(ENGINE) $(VERSION)

.PHONY: wheel
wheel: $(VENV)/.project ## Build the wheel into dist/
	@rm -rf dist
	@$(BIN)/python -m pip --quiet --disable-pip-version-check --no-input wheel --no-deps --wheel-dir dist .
	@ls dist/*.whl

.PHONY: bench
bench: $(VENV)/.project ## Measure the compiler against helm and bare Python
	@$(BIN)/python bench/compile.py

.PHONY: checkov
checkov: $(VENV)/.project ## Judge generated/ by checkov's security policies
	@$(BIN)/python tests/tools/checkov.py

.PHONY: test-images
test-images: ## Build and start every generated image (as root: buildah, podman)
	@tests/images/run.sh

.PHONY: test-engines
test-engines: ## Run generated repositories in a real tritonserver, and the steps of ModelOpt, on CPU
	@tests/engines/triton/run.sh
	@tests/engines/modelopt/run.sh

.PHONY: clean
clean: ## Remove the virtual environment, caches and builds
	@rm -rf $(VENV) .cache build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +

# The project as its users install it.
$(VENV)/.project: pyproject.toml | $(BIN)/pip
	@echo "Installing llmspec into $(VENV) ..."
	@$(PIP_INSTALL) --editable .
	@touch $@

# And what its developers need. Dependency groups need pip 25.1.
$(VENV)/.tools: pyproject.toml | $(BIN)/pip
	@echo "Installing llmspec and its development tools into $(VENV) ..."
	@$(PIP_INSTALL) 'pip>=25.1'
	@$(PIP_INSTALL) --group dev --editable .
	@touch $(VENV)/.project $@

$(BIN)/pip:
	@old= bare=; \
	for python in $(PYTHON); do \
	  "$$python" -c '' >/dev/null 2>&1 || continue; \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { old+=" $$python"; continue; }; \
	  "$$python" -c 'import ensurepip, venv' 2>/dev/null || { bare+=" $$python"; continue; }; \
	  exec "$$python" -m venv $(VENV); \
	done; \
	if [ -n "$$bare" ]; then \
	  echo "error: the venv module is missing from$$bare; on Debian or Ubuntu: apt-get install python3-venv"; \
	elif [ -n "$$old" ]; then \
	  echo "error: llmspec needs Python 3.11 or newer;$$old is older. Name another: make PYTHON=/path/to/python3"; \
	else \
	  echo "error: no Python found (tried: $(PYTHON)). Name one, 3.11 or newer: make PYTHON=/path/to/python3"; \
	fi >&2; \
	exit 1
