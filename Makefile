# Thin wrappers: everything here also works without make, as README.md shows.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup run test quick lint bench screenshots slurm

setup: $(BIN)/jobmon  ## a virtual environment with jobmon and what its tests need

$(BIN)/jobmon: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

run: setup  ## jobmon on the built-in demo cluster
	$(BIN)/jobmon --demo

test: setup  ## every test; those whose server is missing are skipped by name
	$(BIN)/python -m pytest -n auto

quick: setup  ## the tests that take milliseconds
	$(BIN)/python -m pytest -n auto --quiet -m "not slow"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

bench: setup  ## the figures of the budget, measured here
	$(BIN)/python -m tests.bench

screenshots: setup  ## screenshots/*.svg, made from the running app
	$(BIN)/python screenshots/make.py

slurm: setup  ## a private Slurm cluster with jobs of every kind, until Ctrl-C
	$(BIN)/python -m tests.real.slurm_cluster --populate
