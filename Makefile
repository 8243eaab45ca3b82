# Two commands set everything up: `make train` and `make test`. Both work in .venv, which either creates.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: train test test-slow test-versions lint format bench docs notebooks clean

train: $(INSTALLED)  ## train two IPPO players for a few minutes and print what they earn
	$(BIN)/python train/ippo.py --config configs/ippo_quick.yaml

test: lint $(INSTALLED)  ## lint, types, and the default test suite
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(INSTALLED)  ## what takes minutes: long trainings, and the learners with 64-bit numbers
	JAX_DISABLE_MOST_OPTIMIZATIONS=0 $(BIN)/python -m pytest -m slow
	JAX_ENABLE_X64=1 $(BIN)/python -m pytest tests/agents

test-versions:  ## the tests with the lowest and the newest versions allowed, on Python 3.11 to 3.13
	.ci/versions

lint: $(INSTALLED)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)  ## the environment's speed beside plain C's
	$(BIN)/python benchmarks/env_speed.py

docs: $(INSTALLED)  ## the documentation's site, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

notebooks: $(INSTALLED)  ## run the notebooks again, in place, five minutes at most
	$(BIN)/python notebooks/execute.py

clean:
	rm -rf $(VENV) .lanes .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(INSTALLED): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
