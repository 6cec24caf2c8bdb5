# `make` tells what there is. PYTHON=/path/to/python3.12 chooses the Python of a new environment.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run airflow test test-quick test-long check check-sql fix docs docs-site docs-reference bench up down lock clean

BIN := .venv/bin
# A tree that was moved or copied needs its environment made anew: the stamps carry its place.
PLACE := $(shell pwd -P | cksum | cut -d ' ' -f 1)
RUN := .venv/.run-$(PLACE)
AIRFLOW := .venv/.airflow-$(PLACE)
DEV := .venv/.dev-$(PLACE)
PYTHON_ROOMS := headwater dags docs examples/git_files benchmarks tests
# The files of tests are shared out among processes, each with servers of its own: tests/conftest.py says how.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadscope

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUN) ## bring the demo's real data from its publishers to history
	@$(BIN)/headwater demo

airflow: $(AIRFLOW) ## run the jobs in Airflow, with its pages, until Ctrl-C
	@$(BIN)/headwater airflow $(ARGS)

test: $(DEV) ## run the tests
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

test-quick: $(DEV) ## run the tests that need no server and no browser: under two minutes
	@$(BIN)/python -m pytest -m quick $(SIDE_BY_SIDE) $(ARGS)

test-long: $(DEV) ## run all tests, with more random examples: some minutes
	@$(BIN)/python -m pytest --long $(SIDE_BY_SIDE) $(ARGS)

check: $(DEV) ## style, types, SQL and metadata, without changing anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PYTHON_ROOMS)
	$(BIN)/headwater check
	$(BIN)/headwater generate --check
	@$(MAKE) --no-print-directory check-sql

check-sql: $(DEV) ## the style of the models; dbt compiles them on the embedded Postgres
	eval "$$($(BIN)/headwater env)" && $(BIN)/sqlfluff lint models

fix: $(DEV) ## mend what can be mended: style, and the files made from the metadata
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/headwater generate
	$(BIN)/python -m docs.site
	eval "$$($(BIN)/headwater env)" && $(BIN)/sqlfluff fix models

docs: $(RUN) ## make the documentation pages
	@$(BIN)/headwater docs

docs-site: $(DEV) ## build the documentation as a site that needs no network and no server; a broken link fails it
	$(BIN)/python -m sphinx -q -W --keep-going -j auto -b html docs "$${HEADWATER_HOME:-.headwater}/docs/site"
	@echo "The documentation is at $${HEADWATER_HOME:-.headwater}/docs/site/index.html"

docs-reference: $(DEV) ## write the generated pages of the reference anew
	$(BIN)/python -m docs.site

bench: $(RUN) ## measure side by side with others, and write docs/benchmarks.md: up to two hours, nothing else running
	@$(BIN)/python -m benchmarks.all $(ARGS)

up: $(RUN) ## start the embedded servers
	@$(BIN)/headwater up

down: ## stop the embedded servers
	@if [ -x $(BIN)/headwater ]; then $(BIN)/headwater down; fi

lock: ## write the locks anew from pyproject.toml; newest versions: make lock ARGS=--upgrade
	requirements/environment.sh lock $(ARGS)

clean: ## remove what tools leave behind; data, servers and environment stay
	rm -rf target logs dbt_packages build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -type d -prune -exec rm -rf {} +

$(RUN): requirements/run.lock requirements/environment.sh pyproject.toml
	@requirements/environment.sh run
	@touch $@

# Each lock holds all that the one before it has: for running, for running in Airflow, for developing.
$(AIRFLOW): requirements/airflow.lock requirements/run.lock requirements/environment.sh pyproject.toml
	@requirements/environment.sh airflow
	@touch $(RUN) $@

$(DEV): requirements/dev.lock requirements/airflow.lock requirements/environment.sh pyproject.toml
	@requirements/environment.sh dev
	@touch $(RUN) $(AIRFLOW) $@
