# The two commands of the README are `make demo` and `make test`; `make help` lists the rest.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup torch services demo test unit lint scorecard gates canary bench-deid bench-transform fuzz-deid text-score ibsi torture load bench-release pictures lock clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: $(STAMP)  ## Make .venv from requirements.lock

$(STAMP): requirements.lock pyproject.toml scripts/setup.sh
	@bash scripts/setup.sh $(VENV)
	@touch $@

torch: setup  ## Add PyTorch, for `sluice enhance train` and train.model: cnn
	@bash scripts/torch.sh $(VENV)

services:  ## Install Orthanc and PostgreSQL with apt, where it may
	@bash scripts/services.sh

demo: setup  ## Run the main job on a synthetic hospital
	@bash scripts/services.sh orthanc
	@$(BIN)/sluice demo

test: setup services lint  ## Lint, type-check and run every test
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 12

unit: setup  ## Run the tests that need no service
	@$(BIN)/python -m pytest tests/unit -q -n 2

lint: setup  ## ruff, mypy --strict and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

scorecard: setup  ## Score de-identification: what went, what stayed
	@$(BIN)/python -m tests.scorecard

gates: setup  ## Seed defects, each to be stopped by its rule; 11 clean variants
	@$(BIN)/python -m tests.gates

canary: setup  ## Leaks of a file with canaries in every attribute and channel
	@bash scripts/services.sh dicom3tools
	@$(BIN)/python -m tests.canary

bench-deid: setup  ## CPU a file, beside plain copy and other de-identifiers
	@$(BIN)/python -m tests.bench

bench-transform: setup  ## DICOM to PNG, and features, beside the plain way
	@$(BIN)/python -m tests.benchtransform

fuzz-deid: setup  ## 20,000 damaged and made-up files
	@$(BIN)/python -m tests.fuzz --cases 20000

text-score: setup  ## Recall and precision of text de-identification
	@$(BIN)/python -m tests.textscore

torture: setup  ## Kill, cut off, starve and race runs; prints the table
	@bash scripts/services.sh
	@bash scripts/services.sh libfaketime
	@$(BIN)/python -m tests.torture

load: setup  ## A backfill of 20,000 instances: memory, cost of orchestration
	@$(BIN)/python -m tests.load

bench-release: setup  ## A release of 10,000 instances: status, diff, one study more
	@$(BIN)/python -m tests.benchrelease

ibsi: setup  ## Features against the reference values of IBSI-1
	@$(BIN)/python -m tests.ibsi

pictures: setup  ## Take the pictures of docs/ anew, with Chromium
	@bash scripts/services.sh orthanc
	@bash scripts/services.sh chromium
	@$(BIN)/python -m tests.pictures

lock:  ## Resolve pyproject.toml anew (needs uv)
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate --extra dev --quiet --overrides overrides.txt pyproject.toml -o requirements.lock
	@sed -i "/sys_platform == 'never'/d" requirements.lock

clean:  ## Delete the environment and the demo
	rm -rf $(VENV) demo
