# The same here and in CI; each does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
TEST_JOBS ?= 3

# The tests start the program some two hundred times: each time would compile it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo run test test-faults check bench format lock clean

demo: $(VENV)/.offline
	$(BIN)/listen-server demo $(ARGS)

run: $(VENV)/.run
	$(BIN)/listen-server serve --open $(ARGS)

test: $(VENV)/.dev
	$(BIN)/pytest -n $(TEST_JOBS) $(ARGS)

# The long proof: servers killed a hundred times, at any moment.
test-faults: $(VENV)/.dev
	FAULT_ROUNDS=100 $(BIN)/pytest tests/sinks/voicemail/test_killed.py $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests
	$(BIN)/lint-imports

bench: $(VENV)/.run
	PYTHONPATH=tests $(BIN)/python -m benchmarks $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Dependencies are locked with hashes, for every platform; no index host is named in the files.
lock: $(VENV)/.dev
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group build --universal --python-version 3.11 --upgrade \
	  --generate-hashes --no-header --no-emit-index-url --output-file requirements.txt
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --upgrade \
	  --constraints requirements.txt --all-extras \
	  --generate-hashes --no-header --no-emit-index-url --output-file requirements-dev.txt
	echo "pocketsphinx>=5.1; python_version < '3.14'" | $(BIN)/uv pip compile - --universal --python-version 3.11 --upgrade \
	  --constraints requirements.txt --no-emit-package cffi --no-emit-package pycparser \
	  --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file requirements-offline.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist

$(VENV)/.base:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "listen-server needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.run: $(VENV)/.base requirements.txt pyproject.toml
	@echo "Installing what listen-server stands on into $(VENV): this happens once, and takes a minute or two."
	$(BIN)/pip install --disable-pip-version-check --quiet --require-hashes --requirement requirements.txt
	$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	touch $@

# The engine that understands speech without a network: the demo shows it.
$(VENV)/.offline: $(VENV)/.run requirements-offline.txt
	$(BIN)/pip install --disable-pip-version-check --quiet --require-hashes --no-deps --requirement requirements-offline.txt
	touch $@

$(VENV)/.dev: $(VENV)/.base requirements-dev.txt pyproject.toml
	@echo "Installing what the tests stand on into $(VENV): this happens once, and takes a minute or two."
	$(BIN)/pip install --disable-pip-version-check --quiet --require-hashes --requirement requirements-dev.txt
	$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	touch $(VENV)/.run $@
