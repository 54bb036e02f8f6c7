# make help lists what there is. demo and test set up all that they need.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(VENV)/.done ## install into .venv what constraints.txt pins

$(VENV)/.done: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-warn-script-location -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup ## the main job on the sample company, told in one screen
	@$(BIN)/python -m flows.demo

test: setup ## the tests (without those that take long), on every core
	$(BIN)/python -m pytest -n auto --dist loadfile

soak: setup ## the tests that take long
	$(BIN)/pip install --quiet --no-warn-script-location -c constraints.txt -e '.[dev,model]'
	$(BIN)/python -m pytest -m soak

lint: setup ## format, lint, strict types, the import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## put the code into its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## ratios of speed and cost, each measured in one run
	$(BIN)/python -m tests.bench

mutants: setup ## mutants of what decides on access, which the tests must notice
	$(BIN)/pip install --quiet --no-warn-script-location -c constraints.txt -e '.[dev,mutants]'
	$(BIN)/python -m tests.mutation

docs: setup ## write the generated reference pages anew
	$(BIN)/python -m flows.reference docs/reference

clean: ## remove the environment and the sample project's state
	rm -rf $(VENV) .lockgate

.PHONY: help setup demo test soak lint format bench mutants docs clean
