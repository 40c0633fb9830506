# `make` alone lists what there is to make.

# The newest supported Python that works on this machine.
PYTHON ?= $(shell .ci/find-python)

PLUGINS := $(wildcard plugins/hookframe-*)
# Errors are shown, warnings are not. What builds the packages is installed once, not once for each.
PIP_INSTALL := .venv/bin/python -m pip --disable-pip-version-check install -qq

export NOTHING_SKIPPED

.PHONY: help run test dev quick soak bench clean

# How long `make soak` is: seconds of load, and how many times as many inputs as a usual run tries.
SOAK ?= 600
FUZZ ?= 20

help:
	@echo "make run     see it work: sets up .venv, then runs hookframe demo"
	@echo "make test    set up and run all tests, linters and type checks, mail through Exim included"
	@echo
	@echo "make dev     set up .venv for work on hookframe: what the next two need"
	@echo "make quick   style, types and the tests that are not slow, within a minute"
	@echo "make soak    ten minutes of load while workers are killed, and the long fuzz"
	@echo "make bench   measure all that is claimed, next to the alternatives"
	@echo "make clean   remove all that the others made"
	@echo
	@echo "Another Python than the newest one found: make run PYTHON=/path/to/python3.11"

run: .venv/hookframe-installed
	@.venv/bin/hookframe demo

test: .venv/tox-installed
	@.ci/test .venv/bin/tox

dev: .venv/dev-installed
	@echo "ready: make quick"

# Where Python may keep no compiled files, each process that a test starts compiles all of it.
quick: export PYTHONDONTWRITEBYTECODE =
quick: .venv/dev-installed
	@.venv/bin/ruff check --quiet --no-cache # which modules are ours may change without a change of the file
	@.venv/bin/ruff format --check --quiet
	@.venv/bin/lint-imports >.venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	@.venv/bin/mypy
	@.venv/bin/python -m pytest -q -n 2 -m "not slow" --hypothesis-profile=quick

# Both run, whatever the first one finds.
soak: .venv/dev-installed
	@failed=0; \
	HOOKFRAME_SOAK=$(SOAK) .venv/bin/python -m pytest -s tests/faults/test_soak.py || failed=1; \
	HOOKFRAME_FUZZ=$(FUZZ) .venv/bin/python -m pytest --timeout=3600 tests/fuzz || failed=1; \
	exit $$failed

bench: .venv/bench-installed
	@missed=0; .venv/bin/python -m benchmarks || missed=1; \
	for benchmark in $(wildcard plugins/*/benchmarks/*.py); do \
		echo "== $$benchmark"; .venv/bin/python $$benchmark || missed=1; echo; \
	done; exit $$missed

clean:
	rm -rf .venv .tox dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps say when a virtual environment was filled. It holds the checkout itself, so only
# what pyproject.toml says about dependencies and entry points makes a new installation necessary.
.venv/made:
	@.ci/make-venv "$(PYTHON)" .venv
	@touch $@

.venv/hookframe-installed: .venv/made pyproject.toml $(PLUGINS:%=%/pyproject.toml)
	@echo "installing hookframe and its plugins into .venv"
	@$(PIP_INSTALL) 'hatchling>=1.25' editables
	@$(PIP_INSTALL) --no-build-isolation --editable . $(PLUGINS:%=--editable ./%)
	@touch $@

# pip knows dependency groups from 25.1 on.
.venv/pip-upgraded: .venv/made
	@$(PIP_INSTALL) --upgrade 'pip>=25.1'
	@touch $@

.venv/dev-installed: .venv/hookframe-installed .venv/pip-upgraded
	@echo "installing what tests, linters and type checks need into .venv"
	@$(PIP_INSTALL) --group test --group lint --group types
	@touch $@

.venv/bench-installed: .venv/hookframe-installed .venv/pip-upgraded
	@echo "installing what the benchmarks need into .venv"
	@$(PIP_INSTALL) --group bench
	@touch $@

.venv/tox-installed: .venv/made
	@echo "installing tox into .venv"
	@$(PIP_INSTALL) 'tox>=4.22'
	@touch $@
