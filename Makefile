# The verbs of this project; `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help env env-test run test lint types cover stories screenshots docs bench ledger theft timing mutants lock release clean

help: ## List the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

env: $(VENV)/.run ## Make the environment that the hub runs in (.venv)

env-test: $(VENV)/.test ## Add what tests, lint and types need

run: env ## Run the demo: a hub and a message centre on loopback, with what to try
	@$(BIN)/smshub demo

test: env-test ## Install what tests need (Debian's packages included), then lint, check types and run all tests
	@scripts/debian-packages
	@$(MAKE) --no-print-directory lint types
	$(BIN)/python -X dev -m pytest -n 2 --dist loadgroup

lint: env-test ## Check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: env-test ## Check types
	$(BIN)/mypy

cover: env-test ## Run the tests and show what they do not reach
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --skip-covered --sort=cover

stories: env-test ## Run the stories of the whole hub alone
	$(BIN)/python -m pytest tests/stories

screenshots: env-test ## Take the pictures in docs/images/ anew, in a real browser
	SMSHUB_SCREENSHOTS=1 $(BIN)/python -m pytest -q tests/stories/test_console.py tests/stories/test_console_objects.py \
		tests/stories/test_console_reading.py

docs: env .cache/docs/.made ## Write docs/reference/ from the code, and the documentation as a site into site/
	$(BIN)/python -m smshub.cli.reference docs/reference
	@rm -rf site && .cache/docs/bin/zensical build

bench: env-test ## Measure the hub, beside Kannel where it is installed, and write docs/performance.md
	$(BIN)/python -m bench.run --write

ledger: env-test ## Kill the hub, and then each broker, under load, many times, and match every text
	$(BIN)/python -m bench.ledger --kills 30 --class otp bulk --store sqlite postgresql
	$(BIN)/python -m bench.ledger --stop --kills 10 --store sqlite postgresql
	$(BIN)/python -m bench.broker_ledger --restarts 20

theft: env-test ## Steal the database of a hub with a thousand codes and try every code there is (a quarter of an hour)
	$(BIN)/python -m bench.theft

timing: env-test ## See whether the time of a check tells how much of a code was right (a quiet machine, a minute)
	$(BIN)/python -m bench.timing

mutants: env-test ## Break one rule of the hub at a time and see that the ledger notices each
	$(BIN)/python -m bench.mutants

lock: env ## Pin all dependencies anew, with hashes
	@scripts/lock

release: test ## Build the package into dist/
	$(BIN)/python -m build --no-isolation

clean: ## Remove the environment and what tools left behind
	rm -rf $(VENV) .cache dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

$(VENV)/bin/python:
	@scripts/make-venv $(PYTHON) $(VENV)

$(VENV)/.run: requirements/run.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing what the hub needs ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.cache/docs/.made: requirements/docs.lock
	@scripts/make-venv $(PYTHON) .cache/docs
	@echo "Installing what writes the site ..."
	@.cache/docs/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.lock
	@touch $@

$(VENV)/.test: requirements/test.lock $(VENV)/.run
	@echo "Installing what the tests need ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.lock
	@touch $@
