# The two commands of the README are `make demo` and `make test`; `make help` lists the rest.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup services demo test unit lint lock clean

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: $(STAMP)  ## Make .venv from requirements.lock

$(STAMP): requirements.lock pyproject.toml scripts/setup.sh
	@bash scripts/setup.sh $(VENV)
	@touch $@

services:  ## Install Orthanc and PostgreSQL with apt, where it may
	@bash scripts/services.sh

demo: setup  ## Run the main job on a synthetic hospital
	@bash scripts/services.sh orthanc
	@$(BIN)/sluice demo

test: setup services lint  ## Lint, type-check and run every test
	@$(BIN)/python -m pytest

unit: setup  ## Run the tests that need no service
	@$(BIN)/python -m pytest tests/unit -q

lint: setup  ## ruff, mypy --strict and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lock:  ## Resolve pyproject.toml anew (needs uv)
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate --extra dev --quiet pyproject.toml -o requirements.lock

clean:  ## Delete the environment and the demo
	rm -rf $(VENV) demo
