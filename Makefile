# Every target sets up what it needs; `make demo` and `make test` work on a fresh clone with Python 3.11+ and make.
PYTHON ?= python3
BIN := .venv/bin
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))

BASE ?= main
CHANGED = $(shell git diff --name-only --diff-filter=d $(BASE) -- '*.py'; git ls-files --others --exclude-standard -- '*.py')
CHANGED_SOURCES = $(shell printf '%s\n' $(CHANGED) | grep -vE '(^|/)(tests|benchmarks)/|conftest')
CHANGED_TESTS = $(filter $(CHANGED) $(foreach file,$(CHANGED),%/test_$(notdir $(file))),$(shell git ls-files --cached --others --exclude-standard -- '*/test_*.py'))

.PHONY: install demo test test-all quick check docs

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
	$(BIN)/pytest -m slow -n auto --maxprocesses 2 --timeout 300

quick: install
ifneq ($(strip $(CHANGED)),)
	$(BIN)/ruff check $(CHANGED)
	$(BIN)/ruff format --check $(CHANGED)
endif
ifneq ($(strip $(CHANGED_SOURCES)),)
	$(BIN)/pyright $(CHANGED_SOURCES)
endif
ifneq ($(strip $(CHANGED_TESTS)),)
	$(BIN)/pytest -q -m "not slow" $(CHANGED_TESTS)
endif

check: install docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

docs: install
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python .ci/site.py
