PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python .ci/install.py

# Hundreds of processes start here: none is to compile the whole product anew because the environment says so.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-clients coverage hostile lint lock chaos chaos-mutants bench bench-search bench-explorer bench-alerts bench-edges soak two-processes edges move overflow fmt docs screenshots vendor vendor-check browser proxy faketime clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

# A failed attempt leaves no half-made environment behind.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "LuminaLog needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "This Python cannot make virtual environments: on Debian and Ubuntu, apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	@echo "Installing what LuminaLog needs into $(VENV) (once)"
	@$(INSTALL) requirements.txt
	@touch $@

$(VENV)/.development: requirements-dev.txt $(VENV)/.runtime
	@echo "Installing what tests and checks need into $(VENV) (once)"
	@$(INSTALL) requirements-dev.txt
	@touch $@

$(VENV)/.clickhouse: requirements-clickhouse.txt $(VENV)/.runtime
	@echo "Installing ClickHouse into $(VENV), as STORE_URL says (once)"
	@$(INSTALL) requirements-clickhouse.txt
	@touch $@

# As large as all the rest: only where the environment or .env asks for it.
IS_EMBEDDED := $(findstring clickhouse+embedded:,$(STORE_URL) $(shell grep -s '^STORE_URL=' .env))

run: $(VENV)/.runtime $(if $(IS_EMBEDDED),$(VENV)/.clickhouse) ## Start the whole product on this machine (PORT=8000, data in ./var)
	@exec bin/luminalog up

test: $(VENV)/.development browser proxy ## Run all tests
	$(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder

# Subprocesses count too: workers of pytest-xdist, the product that acceptance tests start. Not a part of `test`: counting
# takes a third more of the processors' time, which tests of deadlines would feel.
coverage: $(VENV)/.development browser ## Say which lines and branches no test reaches; fail below the floor
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n 2 tests/unit tests/integration tests/acceptance
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

test-clients: $(VENV)/.development ## Try real clients of other servers against the whole product (from PyPI, npm and Debian, in ./.clients)
	LUMINALOG_TEST_CLIENTS=1 $(BIN)/python -m pytest -n 0 tests/clients

hostile: $(VENV)/.development proxy ## Try hostile input for longer: more examples and bodies (SEED=1 to repeat one run)
	LUMINALOG_HOSTILE_EXAMPLES=20 LUMINALOG_HOSTILE_SEED=$(SEED) $(BIN)/python -m pytest tests/hostile tests/integration/test_express.py tests/limits

lint: $(VENV)/.development ## Check style, types, imports, production settings and known holes in requirements
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	SECRET_KEY=lint DATABASE_URL=postgresql://localhost/lint VALKEY_URL=redis://localhost $(BIN)/mypy
	$(BIN)/lint-imports
	@SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))') ALLOWED_HOSTS=logs.example.com \
		DATABASE_URL=postgresql://localhost/lint VALKEY_URL=redis://localhost LUMINALOG_DEVELOPMENT=0 \
		bin/luminalog check --deploy --fail-level WARNING
	$(BIN)/python .ci/audit.py

# Pins stay as they are, but for those that no longer fit: UPGRADE=--upgrade, or UPGRADE="--upgrade-package django".
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" $(UPGRADE)

lock: $(VENV)/.development ## Lock the requirements files again (UPGRADE=--upgrade for newer versions)
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-mcp.in -o requirements-mcp.txt
	$(LOCK) requirements-clickhouse.in -o requirements-clickhouse.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt

chaos: $(VENV)/.development faketime ## Break every part and link, and look whether a log was lost (SEED=… repeats a run, STORE=clickhouse)
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(STORE),--store $(STORE)) $(SCENARIOS)

chaos-mutants: $(VENV)/.development ## Break the product itself in 38 ways: does the suite notice each? (MUTANTS="02 quota" for some)
	$(BIN)/python -m tests.mutants $(MUTANTS)

bench: $(VENV)/.development ## Measure accepting and storing side by side (QUICK=1, PEER=URL, STORE=clickhouse, WRITE=1: docs/performance.md)
ifeq ($(STORE),clickhouse)
	$(BIN)/python -m tests.benchmarks.stores $(if $(QUICK),--rounds 2) $(if $(WRITE),--write)
else
	$(BIN)/python -m tests.benchmarks.protocols $(if $(WRITE),--write)
	$(BIN)/python -m tests.benchmarks.ingest $(if $(QUICK),--quick) $(if $(PEER),--peer '$(PEER)') $(if $(WRITE),--write)
endif

bench-search: $(VENV)/.development $(if $(BOTH),$(VENV)/.clickhouse) ## Measure searches in 10,000,000 entries (N=1000000 for fewer, ORDER=random for one open day, FOLDER=… to keep them, BOTH=1 beside ClickHouse, WRITE=1)
	$(BIN)/python -m tests.benchmarks.search --entries $(or $(N),10000000) --order $(or $(ORDER),time) \
		$(if $(FOLDER),--folder $(FOLDER)) $(if $(BOTH),--both) $(if $(WRITE),--write)

bench-explorer: $(VENV)/.development browser ## Measure what the explorer costs a browser with 100,000 entries found (N=20000 for fewer, WRITE=1)
	$(BIN)/python -m tests.benchmarks.explorer --entries $(or $(N),100000) $(if $(WRITE),--write)

bench-alerts: $(VENV)/.development ## Measure what 1,000 rules cost while entries come, over 10,000,000 (N=1000000 for fewer, WRITE=1)
	$(BIN)/python -m tests.benchmarks.alerts --entries $(or $(N),10000000) $(if $(WRITE),--write)

bench-edges: $(VENV)/.development ## Measure what an edge adds: seconds, CPU, catching up (BACKLOG=600 for more to catch up with, ROUNDS=3, WRITE=1)
	$(BIN)/python -m tests.benchmarks.edges $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(BACKLOG),--backlog $(BACKLOG)) $(if $(WRITE),--write)

soak: $(VENV)/.development ## Ten minutes at 70 % of this machine's maximum (MINUTES=2 for fewer, WRITE=1)
	$(BIN)/python -m tests.benchmarks.soak --minutes $(or $(MINUTES),10) $(if $(WRITE),--write)

overflow: $(VENV)/.development ## A minute of the published Python client at three times the rate of its plan: what is lost?
	LUMINALOG_OVERFLOW_MINUTE=1 $(BIN)/python -m pytest -n 0 -s tests/acceptance/test_published_clients.py -k overflow_lane

edges: $(VENV)/.development ## One core and two edges, whole: cut off, killed, and every answered entry is there once
	LUMINALOG_TEST_EDGES=1 $(BIN)/python -m pytest -n 0 tests/acceptance/test_edge_protocols.py tests/acceptance/test_edges.py

move: $(VENV)/.development ## Move 1,000,000 entries from PostgreSQL to ClickHouse under load, and compare every answer (N=20000 for fewer)
	LUMINALOG_MOVE_ENTRIES=$(or $(N),1000000) $(BIN)/python -m pytest -n 0 -s tests/contract/test_moving_many.py

two-processes: $(VENV)/.development ## Ten minutes of two web processes that share organisations: no deadlock (MINUTES=2 for fewer)
	LUMINALOG_TWO_PROCESSES_MINUTES=$(or $(MINUTES),10) $(BIN)/python -m pytest -n 0 tests/integration/test_two_processes.py

fmt: $(VENV)/.development ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.development ## Make a site of the documentation in site/; fail at a broken link
	$(BIN)/python -m sphinx -b html -c docs/site -W --keep-going -q -d site/.doctrees . site
	@echo "Open site/index.html"

screenshots: $(VENV)/.development browser ## Take the documents' pictures anew: browser tests with a running product and a shop's logs
	SCREENSHOTS=docs/images $(BIN)/python -m pytest -n 0 tests/acceptance/test_explorer_story.py \
		tests/acceptance/test_key_life.py tests/acceptance/console/test_usage_page.py

# Front-end parts lie in the tree as they are served; only who changes vendor.toml needs npm.
vendor: ## Take the front-end parts that luminalog/static/vendor/vendor.toml names from npm
	$(PYTHON) .ci/vendor.py

vendor-check: ## Take them again, and fail where the tree differs
	$(PYTHON) .ci/vendor.py --check

# The browser tests need Chromium, best as the shell that draws on no screen: a third of the processor's time.
# Installed where we may; else they use the Chromium that is there, or are skipped and say so.
browser:
	@command -v chromium-headless-shell >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		{ echo "Installing Chromium's headless shell, for the browser tests (once)"; apt-get update -qq && \
		apt-get install -qq --yes --no-install-recommends chromium-headless-shell >/dev/null; }; } || \
		command -v chromium >/dev/null || \
		echo "Chromium is missing: the browser tests will be skipped (apt-get install chromium-headless-shell)"

# The tests behind the shipped proxy need nginx, in the same way.
proxy:
	@command -v nginx >/dev/null || test -x /usr/sbin/nginx || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		{ echo "Installing nginx, for hostile input behind it (once)"; apt-get update -qq && \
		apt-get install -qq --yes --no-install-recommends nginx-light >/dev/null; }; } || \
		echo "nginx is missing: hostile input will not be tried behind it (apt-get install nginx-light)"

# Wrong clocks need libfaketime: installed where we may, else that scenario is skipped and says so.
faketime:
	@ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		{ echo "Installing libfaketime, for wrong clocks (once)"; apt-get update -qq && \
		apt-get install -qq --yes --no-install-recommends faketime >/dev/null; }; } || \
		echo "libfaketime is missing: wrong clocks will not be tried (apt-get install faketime)"

clean: ## Remove what make made, but for the data in var
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis staticfiles site
