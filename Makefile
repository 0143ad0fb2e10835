# Ava's daily words. Only Python 3.11+ and make are needed; everything else is installed into .venv, hashes checked.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile pyproject.toml --generate-hashes --universal \
	--python-version 3.11 --no-emit-index-url --no-emit-find-links --no-config --quiet

# Kept whatever the shell says: `make run` starts seven processes, `make test` a hundred, and each would compile Ava anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test test-slow lint format bench screenshots lock messages

run: $(VENV)/.run
	@exec $(BIN)/python manage.py runall

test: $(VENV)/.dev
	$(PYTEST) -m "not slow"

# What `make test` leaves out to stay under three minutes.
test-slow: $(VENV)/.dev
	@$(BIN)/python -m tests.browser.chromium
	$(PYTEST) -m slow

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m tests.messages

format: $(VENV)/.dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

# Pictures of every page in every language, theme and size, to be looked at.
screenshots: $(VENV)/.dev
	@$(BIN)/python -m tests.browser.chromium
	$(BIN)/python -m tests.browser.screenshots

# After changing a dependency in pyproject.toml.
lock: $(VENV)/.dev
	$(PIP) install uv
	$(COMPILE) -o requirements.txt
	$(COMPILE) --extra dev -c requirements.txt -o requirements-dev.txt
	$(COMPILE) --extra dev --extra bench -c requirements-dev.txt -o requirements-bench.txt

# After changing a text: extracts (needs gettext's xgettext) and compiles (pure Python).
messages: $(VENV)/.dev
	$(BIN)/python manage.py makemessages --locale en --locale fr --locale he --no-wrap --no-location \
		--ignore tests --ignore benchmarks --ignore .venv
	$(BIN)/python -m tests.messages --compile

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ava needs Python 3.11 or newer.")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(BIN)/python
	$(PIP) install --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(BIN)/python
	$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.run

$(VENV)/.bench: requirements-bench.txt | $(BIN)/python
	$(PIP) install --require-hashes -r requirements-bench.txt
	@touch $@
