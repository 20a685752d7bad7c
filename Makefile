PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help run test lint fmt clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

$(VENV)/.runtime: requirements.txt
	@$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.development: requirements-dev.txt $(VENV)/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

test: $(VENV)/.development ## Run all tests
	$(BIN)/python -m pytest

lint: $(VENV)/.development ## Check style, types and the import direction
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	SECRET_KEY=lint DATABASE_URL=postgresql://localhost/lint VALKEY_URL=redis://localhost $(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(VENV)/.development ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove what make made, but for the data in var
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache staticfiles
