# A fresh machine needs two commands: `make demo` (the main job) and `make test`.
# Each sets up the virtual environment .venv of this checkout first.

PYTHON ?= python3
VENV := .venv
TORCH_VENV := .venv-torch
BIN := $(VENV)/bin
VIEW := build/view
SOURCES := integration ingest index_templates tests examples benchmarks
TIMED := ./.ci/timed.sh

.PHONY: demo test test-torch test-browser lint types format wheel clean

$(VENV)/.ready: setup.cfg pyproject.toml
	@echo "Setting up $(VENV): a virtual environment with this package and its test tools (about 2 minutes) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed, this is " + sys.version)'
	@$(TIMED) "environment" sh -c '$(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"'
	@touch $@

$(TORCH_VENV)/.ready: setup.cfg pyproject.toml
	@echo "Setting up $(TORCH_VENV): an environment with sentence-transformers and torch (6 GB, about 5 minutes) …"
	@$(TIMED) "torch environment" sh -c '$(PYTHON) -m venv $(TORCH_VENV) && $(TORCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[test-torch]"'
	@touch $@

demo: $(VENV)/.ready
	@echo "Demo: a local OpenSearch, a knowledge base in many languages, questions across languages …"
	@$(BIN)/python examples/demo.py

test: $(VENV)/.ready
	@echo "Testing against a real OpenSearch (the first run assembles it, about a minute) …"
	@$(TIMED) "tests" $(BIN)/python -m pytest -m "not torch and not browser" tests

test-torch: $(TORCH_VENV)/.ready
	@echo "Testing the sentence-transformers adapter with real models …"
	@$(TIMED) "torch tests" $(TORCH_VENV)/bin/python -m pytest -m torch tests/torch

test-browser: $(VENV)/.ready
	@echo "Testing the report and the judging page in a real browser (Debian: apt-get install chromium chromium-driver) …"
	@$(TIMED) "browser tests" $(BIN)/python -m pytest -m browser tests/browser

lint: $(VENV)/.ready
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)

format: $(VENV)/.ready
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

# mypy can't see through the folder mapping of an editable install, so it gets a view of symlinks.
types: $(VENV)/.ready
	@rm -rf $(VIEW) && mkdir -p $(VIEW)/opensearch_clir
	@for item in integration/* ingest index_templates; do ln -s "$(CURDIR)/$$item" $(VIEW)/opensearch_clir/; done
	@MYPYPATH=$(VIEW) $(BIN)/mypy -p opensearch_clir

wheel: $(VENV)/.ready
	@$(BIN)/python -m build --outdir dist .

clean:
	rm -rf build dist $(VENV) $(TORCH_VENV) *.egg-info
