# make demo: a talking head of the built-in speaker. make test: lint, types, tests. Both make .venv first.
PYTHON ?= python3
# The torch release that everything here is tested with; any newer one works too: make demo TORCH="torch>=2.13"
TORCH ?= torch==2.13.0
BIN := .venv/bin
# Modules are compiled when first imported: most of what comes with torch and mediapipe never is, and compiling it takes minutes.
# What is compiled is kept, whatever the environment says: every process would compile its thousand modules anew.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
# Stages of CI run one after another; tests share two cores.
WORKERS ?= 2

.PHONY: help demo test lint types bench clean
help:  ## tell what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(PIP) "$(TORCH)"
	$(PIP) -e .
	@touch $@

.venv/tools: .venv/installed  # of the tests
	$(PIP) -e ".[dev]"
	@touch $@

demo: .venv/installed  ## install, make a talking head of the built-in speaker, say where the video is
	$(BIN)/d3talker demo --out runs/demo

test: .venv/tools lint types  ## lint, types, tests
	OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadgroup

lint: .venv/tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/tools
	$(BIN)/mypy

bench: .venv/installed  ## speed and memory of all parts beside what was wanted, into runs/bench
	$(BIN)/python -m benchmarks

clean:  ## forget the environment and all runs
	rm -rf .venv runs
