# `make` alone lists what there is to make.

# The newest supported Python that works on this machine.
PYTHON ?= $(shell .ci/find-python)

PLUGINS := $(wildcard plugins/hookframe-*)
# Errors are shown, warnings are not. What builds the packages is installed once, not once for each.
PIP_INSTALL := .venv/bin/python -m pip --disable-pip-version-check install -qq

export NOTHING_SKIPPED

.PHONY: help run test bench clean

help:
	@echo "make run     see it work: sets up .venv, then runs hookframe demo"
	@echo "make test    set up and run all tests, linters and type checks, mail through Exim included"
	@echo "make bench   measure all that is claimed, beside what one would use instead"
	@echo "make clean   remove all that the others made"
	@echo
	@echo "Another Python than the newest one found: make run PYTHON=/path/to/python3.11"

run: .venv/hookframe-installed
	@.venv/bin/hookframe demo

test: .venv/tox-installed
	@.ci/test .venv/bin/tox

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

.venv/bench-installed: .venv/hookframe-installed
	@echo "installing what the benchmarks need into .venv"
	@$(PIP_INSTALL) --upgrade 'pip>=25.1'
	@$(PIP_INSTALL) --group bench
	@touch $@

.venv/tox-installed: .venv/made
	@echo "installing tox into .venv"
	@$(PIP_INSTALL) 'tox>=4.22'
	@touch $@
