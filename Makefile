# Every target sets up what it needs; `make demo` and `make test` work on a fresh clone with Python 3.11+ and make.
PYTHON ?= python3
BIN := .venv/bin
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))

.PHONY: install demo test test-all check docs

install: .venv/installed

.venv/installed: pyproject.toml $(PLUGINS:%=%/pyproject.toml)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet $(PLUGINS:%=-e %) -e . --group dev
	touch $@

demo: install
	$(BIN)/python benchmarks/demo.py

test: install
	$(BIN)/pytest -m "not slow" -n auto --maxprocesses 4

test-all: test
	$(BIN)/pytest -m slow

check: install docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

docs: install
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python .ci/site.py
