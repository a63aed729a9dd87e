# The front door. `make` alone lists the commands.
# Nothing here needs the network at run time; `make setup` needs a package index once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What .venv was made from is in the name of a stamp; what was made for developing also runs.
STAMP := $(VENV)/.ready-$(shell cat requirements/dev.txt pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)
RUN_STAMP := $(VENV)/.ready-run-$(shell cat requirements/run.txt pyproject.toml 2>/dev/null | cksum | cut -d' ' -f1)
DEMO_HOME ?= $(CURDIR)/.rempart/demo
PYTEST_WORKERS ?= 2
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run demo serve test check fix bench rehearse drill fuzz requirements clean

help:  ## List these commands
	@awk 'BEGIN {FS = ":.*##"} /^[a-z-]+:.*##/ {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Create .venv with everything, tests included (done by the others when needed)

run: $(if $(wildcard $(STAMP)),,$(RUN_STAMP))  ## Create .venv with what running needs only (done by demo, serve, drill)

$(STAMP):
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh scripts/setup.sh dev
	@rm -f $(VENV)/.ready-* && touch $@ $(RUN_STAMP)

$(RUN_STAMP):
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh scripts/setup.sh run
	@rm -f $(VENV)/.ready-* && touch $@

demo: run  ## 100 000 synthetic people, the whole product on one port, and a short drill
	@REMPART_HOME="$(DEMO_HOME)" $(BIN)/rempart demo $(ARGS)

serve: run  ## Start the product on one port with the data of REMPART_HOME
	@$(BIN)/rempart serve $(ARGS)

drill: run  ## Play every known theft of an account against the guard, on the demo's data
	@REMPART_HOME="$(DEMO_HOME)" $(BIN)/rempart drill --data "$(DEMO_HOME)/synth" $(ARGS)

test: check  ## Everything: house rules, types, and every test
	@sh scripts/browser.sh
	@sh scripts/foreign.sh
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $(PYTEST_WORKERS) $(ARGS)

check: setup  ## Lint, types, import directions; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: setup  ## Repair what can be repaired by a machine: format, imports, catalogues, generated docs
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python scripts/catalogues.py
	$(BIN)/python scripts/drill_table.py
	REMPART_WRITE_DOCS=1 $(BIN)/pytest -q -n $(PYTEST_WORKERS) tests/spec tests/api

bench: setup  ## Rights checks, feed import, questions to the ledger…, beside their baselines; prints ratios
	$(BIN)/python -m bench $(ARGS)

rehearse: setup  ## Two machines, a database that fails over, a store: each part killed under load (root, Linux)
	$(BIN)/python -m bench deployment $(ARGS)

fuzz: setup  ## Hostile input to every parser, for ARGS="--minutes N [names]"; goes on where it stopped
	@$(BIN)/pip install --quiet --require-hashes --only-binary :all: -r requirements/fuzz.txt || echo "No Atheris here: inputs are changed blindly."
	$(BIN)/python -m scripts.fuzz $(ARGS)

requirements:  ## Recompute the pinned requirements from requirements/*.in (needs uv)
	uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements/run.in -o requirements/run.txt
	uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements/dev.in -o requirements/dev.txt
	uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements/fuzz.in -o requirements/fuzz.txt
	uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements/s3.in -o requirements/s3.txt
	uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements/rehearse.in -o requirements/rehearse.txt

clean:  ## Remove the demo's and the benchmark's data (never another REMPART_HOME)
	@REMPART_HOME="$(DEMO_HOME)" $(BIN)/rempart demo --clean && rm -rf .rempart/bench
