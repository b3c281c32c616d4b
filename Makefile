# SPDX-License-Identifier: Apache-2.0
# `make demo` and `make test` need python3 (3.11 or newer), its venv module and make; nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: help install demo tour test check fast referee docs reference bench audit lock clean

PYTHON ?= python3
VENV ?= .venv
STATE ?= .demo
PORT ?= 8080
PEOPLE ?=
ARGS ?=
BIN := $(VENV)/bin
# Tests marked `alone` measure time or fill a disk, so they run by themselves when the others are done.
run_tests = $(1) $(BIN)/pytest -q -n auto --dist worksteal -m "not referee and not alone" && $(1) $(BIN)/pytest -q -m "alone and not referee"
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "$(PYTHON) must be Python 3.11 or newer. Set PYTHON=/path/to/python3.12 if you have another."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "python3-venv is missing. On Debian or Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	@echo "Making $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements/runtime.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "Installing the gateway and its locked dependencies (under a minute) …"
	@$(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements/runtime.txt -r requirements/build.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.tested: requirements/test.txt $(VENV)/.installed
	@echo "Installing what the tests need …"
	@$(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements/test.txt
	@touch $@

install: $(VENV)/.installed  ## Make .venv with the gateway and its locked dependencies

demo: $(VENV)/.installed  ## Start a sample store and the gateway before it (STATE=.demo PORT=8080 PEOPLE=file.csv.gz)
	@exec $(BIN)/gateway demo --state $(STATE) --port $(PORT) $(if $(PEOPLE),--people $(PEOPLE))

tour: $(VENV)/.installed  ## Five minutes through what the gateway does, on a demo of its own
	@exec $(BIN)/gateway demo --tour $(ARGS)

test: $(VENV)/.tested  ## Run every test that needs no server of its own
	@$(call run_tests,)
	if [ -z "$${GATEWAY_TEST_POSTGRES:-}" ]; then \
	  echo "Skipped: the PostgreSQL half of the tests (set GATEWAY_TEST_POSTGRES, or run make check)."; fi

fast: $(VENV)/.tested
	@$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: fast  ## Format, lint, types, import contracts, and all tests on SQLite and PostgreSQL
	@$(call run_tests,.ci/with-postgres)

referee: $(VENV)/.tested  ## The long runs: hours of load, crashes, races and scans; a table at the end
	@exec .ci/with-postgres $(BIN)/pytest -m referee --capture=sys -v --durations=0 --durations-min=1 $(ARGS)

docs: $(VENV)-docs/.installed  ## Build the documentation as a site into build/site; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --quiet
	echo "The site is in build/site/index.html"

$(VENV)-docs/.installed: requirements/docs.txt
	@$(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/docs.txt
	touch $@

reference: $(VENV)/.installed  ## Write the pages of the reference that are made from the code
	@$(BIN)/python docs/site/reference.py

bench: $(VENV)/.tested  ## Measure: some 20 minutes, 3 with ARGS=--quick; ARGS="calls log" chooses parts
	@exec $(BIN)/python -m bench --json bench.jsonl $(ARGS)

audit: $(VENV)/.tested  ## Ask the package index for known vulnerabilities in the locked dependencies
	@$(BIN)/pip-audit --require-hashes --disable-pip --requirement requirements/runtime.txt

lock: | $(BIN)/python  ## Lock the dependencies anew, with hashes, wheels only
	@$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet uv
	compile=".venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --only-binary :all: --no-header --no-annotate --upgrade"
	$$compile requirements/build.in -o requirements/build.txt
	$$compile pyproject.toml -o requirements/runtime.txt
	$$compile pyproject.toml requirements/test.in -o requirements/test.txt
	$$compile requirements/docs.in -o requirements/docs.txt
	$$compile --extra discover --constraint requirements/test.txt pyproject.toml -o requirements/discover.txt
	$$compile --extra stamp --constraint requirements/discover.txt pyproject.toml -o requirements/stamp.txt

clean:
	@rm -rf $(VENV) $(VENV)-docs build .venv-lock .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
