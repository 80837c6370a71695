# The commands of the project. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
export REMIT_HOME ?= .remit

UV_VERSION := 0.13.9
LOCAL_SLACK_VERSION := 0.1.8

# The Slack stand-in is one package per platform; an unknown platform simply has no such package.
OS := $(shell uname -s | sed 's/Linux/linux/; s/Darwin/darwin/')
CPU := $(shell uname -m | sed 's/x86_64/x64/; s/amd64/x64/; s/aarch64/arm64/')
LOCAL_SLACK := local-slack-$(OS)-$(CPU)

BIN := .venv/bin
INSTALLED := .venv/.installed
BENCH := .venv-bench
BENCH_INSTALLED := $(BENCH)/.installed
SLACK_BINARY := node_modules/$(LOCAL_SLACK)/bin/local-slack
SLACK_INSTALLED := node_modules/$(LOCAL_SLACK)/.installed-$(LOCAL_SLACK_VERSION)

.PHONY: help setup test-setup slack-setup browser-setup demo test soak pictures histories bench bench-policy lint format lock clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## make .venv and install the locked packages into it

# The stamp is touched last, so that an interrupted set-up is repeated and a finished one is skipped.
$(INSTALLED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Remit needs Python 3.11 or newer, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | head -n 1)." \
	    "Install one and name it: make setup PYTHON=python3.12" >&2; exit 1; }
	@echo "setup: installing the locked packages into .venv (about a minute the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test "$$($(BIN)/uv --version 2>/dev/null | cut -d ' ' -f 2)" = "$(UV_VERSION)" || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	@touch $@
	@echo "setup: ready"

test-setup: setup slack-setup browser-setup  ## setup, and what only the tests need: the Slack stand-in, a browser

slack-setup: $(SLACK_INSTALLED)

# No package.json: its lock file would record where the package was downloaded from.
$(SLACK_INSTALLED): | $(INSTALLED)
	@echo "setup: installing the Slack stand-in ($(LOCAL_SLACK)@$(LOCAL_SLACK_VERSION), about 90 MB)"
	@if command -v npm >/dev/null; then npm=npm; else npm="$(BIN)/npm"; fi; \
	if PATH="$$PATH:$(CURDIR)/$(BIN)" $$npm install --silent --no-save --no-package-lock --no-audit --no-fund \
	    --prefix . $(LOCAL_SLACK)@$(LOCAL_SLACK_VERSION) && test -x $(SLACK_BINARY); then \
	  touch $@; \
	elif [ "$${CI:-}" = true ]; then \
	  echo "setup: the Slack stand-in could not be installed" >&2; exit 1; \
	else \
	  echo "setup: NO SLACK STAND-IN: $(LOCAL_SLACK) could not be installed; its tests are skipped," \
	    "and SLACK=local does not work." >&2; \
	fi

browser-setup:
	@find_browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }; \
	if ! find_browser >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "setup: installing Chromium for the page tests"; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -qq -y --no-install-recommends chromium; } >/dev/null || true; \
	fi; \
	if ! find_browser >/dev/null; then \
	  if [ "$${CI:-}" = true ]; then echo "setup: no browser for the page tests" >&2; exit 1; fi; \
	  echo "setup: NO BROWSER: the page tests are skipped. Install Chromium" \
	    "(Debian, Ubuntu: sudo apt-get install chromium; macOS: brew install --cask chromium)" >&2; \
	fi

demo: setup $(if $(filter local,$(SLACK))$(ONCE),slack-setup)  ## run everything on this machine (ONCE=1: one scenario and stop; SLACK=local: with Slack)
	@$(BIN)/python -m local.demo $(if $(ONCE),--once) $(if $(SLACK),--slack $(SLACK))

test: test-setup  ## every check: lint, format, types, import rules, tests
	@echo "test: ruff check";          $(BIN)/ruff check .
	@echo "test: ruff format --check"; $(BIN)/ruff format --check .
	@echo "test: mypy";                $(BIN)/mypy
	@echo "test: lint-imports";        $(BIN)/lint-imports
	@echo "test: pytest";              $(BIN)/python -m pytest -m "not soak"

soak: test-setup $(BIN)/uv  ## the long runs that make test leaves out
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r pyproject.toml --extra soak || \
	  echo "soak: NO ATHERIS for this platform: fuzzing is skipped." >&2
	@$(BIN)/python -m pytest -m soak
	@HYPOTHESIS_PROFILE=exploring $(BIN)/python -m pytest -q tests/domain tests/adapters/checks

pictures: test-setup  ## take the pictures of docs/reviewers.md anew
	@mkdir -p docs/pictures
	@REMIT_PICTURES=docs/pictures $(BIN)/python -m pytest -q tests/api/test_slack_in_browser.py

histories: setup  ## record a history of each new path of the workflow
	@$(BIN)/python -m tests.workflows.record_histories

bench: setup slack-setup  ## measure what the approval layer costs
	@$(BIN)/python -m bench

bench-policy: $(BENCH_INSTALLED)  ## replay AgentDojo against the example policies (SUITE=, BUNDLE=, ATTACK=, JSON=1)
	@$(BENCH)/bin/python -m bench.policy $(if $(SUITE),--suite $(SUITE)) $(if $(BUNDLE),--bundle $(BUNDLE)) \
	  $(if $(ATTACK),--attack $(ATTACK)) $(if $(JSON),--json)

# AgentDojo needs 70 packages that nothing else here does: an environment of its own keeps them apart.
$(BENCH_INSTALLED): pyproject.toml | $(BIN)/uv
	@echo "bench-policy: installing AgentDojo into $(BENCH) (about a minute the first time)"
	@test -x $(BENCH)/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(BENCH)
	@$(BIN)/uv pip install --quiet --python $(BENCH)/bin/python -r pyproject.toml --extra bench-policy
	@touch $@

lint: setup  ## ruff, mypy and the import rules, without the tests
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup  ## format the code and fix what ruff can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# Universal (one lock for every platform) and without addresses, so that any package mirror serves it. The second
# one is the part of the first that the container image needs.
lock: $(BIN)/uv  ## resolve the dependencies again (UPGRADE=1: to the newest versions)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header $(if $(UPGRADE),--upgrade) pyproject.toml --extra local --extra dev -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --constraint requirements.lock pyproject.toml -o requirements.runtime.lock
	@if grep -n '://' requirements.lock requirements.runtime.lock; then \
	  echo "lock: a lock file names an address" >&2; exit 1; fi

$(BIN)/uv:
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

clean:  ## stop what an earlier run left running and delete its data
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m local.clean; \
	elif [ -d "$$REMIT_HOME/run" ]; then rm -rf -- "$$REMIT_HOME"; fi
