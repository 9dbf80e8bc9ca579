# Everything a developer runs. Needs make, Python 3.11 or newer, and pip's package index; nothing is installed by hand.
#   make demo    the whole story on sample data, into demo-out/
#   make test    the whole test suite, on SQLite and on PostgreSQL
# Another Python: make test PYTHON=python3.13

PYTHON ?= python3
DEMO := .venv-demo
TEST := .venv-test
RUN := $(TEST)/bin/python -m

# Some machines forbid Python to keep bytecode, which makes every start several times slower.
export PYTHONDONTWRITEBYTECODE :=
# A person's own settings must not reach the demo or the tests.
unexport $(filter PLANNER_%,$(.VARIABLES))

.DEFAULT_GOAL := help
.PHONY: help demo test mta layers docs lint format types catalogues reference lock units wheel faults mutants model bench clean
.DELETE_ON_ERROR:

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- environments: made anew when their requirements or the entry points change ---

define environment
	@$(PYTHON) -c 'import sys; sys.exit("planner needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; run: make $(MAKECMDGOALS) PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --compile --require-hashes -r $<
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --compile --no-deps --no-build-isolation -e .
	@touch $@
endef

$(DEMO)/.ready: requirements.txt pyproject.toml
	$(environment)

$(TEST)/.ready: requirements-dev.txt pyproject.toml
	$(environment)

# --- what people run ---

demo: $(DEMO)/.ready ## play the whole story on the sample data into demo-out/
	$(DEMO)/bin/python -m compileall -q planner scheduler
	$(DEMO)/bin/planner demo -o demo-out

test: $(TEST)/.ready ## run every test, on SQLite and PostgreSQL; PYTEST="-k name" chooses
	$(RUN) pytest -n logical --dist loadgroup $(PYTEST)

mta: $(TEST)/.ready ## run the tests with a real Postfix, as root; says what to install when it is missing
	$(RUN) tests.mta.needs
	$(RUN) pytest tests/mta -p no:cacheprovider $(PYTEST)

EXAMPLES := 2000
DATABASES := sqlite
JOBS := 4

model: $(TEST)/.ready ## play the engine against the slow oracle; EXAMPLES=2000 DATABASES=sqlite,postgresql JOBS=4
	MODEL_EXAMPLES=$(EXAMPLES) MODEL_DATABASES=$(DATABASES) MODEL_SHARES=$(JOBS) $(RUN) pytest -q -n $(JOBS) tests/model

mutants: $(TEST)/.ready ## break the program on purpose, place by place: the tests must notice each time; JOBS=4
	$(RUN) tools.mutants --jobs $(JOBS)

layers: $(TEST)/.ready ## check that imports only fall
	$(RUN) pytest -q tests/test_layers.py

docs: $(TEST)/.ready ## check that everything is documented and the README's commands run
	$(RUN) pytest -q tests/test_docs.py

lint: $(TEST)/.ready ## check format and style
	$(RUN) ruff format --check .
	$(RUN) ruff check .

format: $(TEST)/.ready ## put the code into the common format
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

types: $(TEST)/.ready ## check the types
	$(RUN) mypy

catalogues: $(TEST)/.ready ## bring the catalogues up to date with the code; MERGE="a.po b.po" adds translations
	$(TEST)/bin/python tools/catalogues.py $(if $(MERGE),merge $(MERGE),update)

reference: $(TEST)/.ready ## write docs/reference.md from the commands
	$(TEST)/bin/python tools/reference.py

units: ## let systemd itself check deploy/; needs systemd
	@rm -rf build/units && mkdir -p build/units
	@for unit in deploy/*; do sed 's|/opt/planner/bin/planner|/bin/true|' $$unit > build/units/$${unit#deploy/}; done
	systemd-analyze verify --man=no build/units/*
	@for unit in build/units/*.service; do systemd-analyze security --offline=yes --threshold=30 --no-pager $$unit | tail -1; done

wheel: $(TEST)/.ready ## build the wheel into dist/
	$(RUN) build --wheel --no-isolation --outdir dist .

FAULTS ?= 10000
faults: $(TEST)/.ready ## inject FAULTS=10000 faults on each database, and write the figures into docs/reliability.md
	$(RUN) tests.faults --injections $(FAULTS) --write docs/reliability.md

bench: $(TEST)/.ready ## measure; each measure alone: python -m bench.NAME --json
	$(RUN) bench.startup
	$(RUN) bench.filing
	$(RUN) bench.tick
	$(RUN) bench.delivery
	$(RUN) bench.round
	$(RUN) bench.graph

# --- maintenance ---

LOCK := .venv-lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml

.venv-lock/.ready:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@touch $@

lock: .venv-lock/.ready ## choose newer versions of the requirements and pin their hashes
	$(LOCK) --extra build -o requirements.txt
	$(LOCK) --extra dev -o requirements-dev.txt

clean: ## remove environments, caches and what was built
	rm -rf $(DEMO) $(TEST) .venv-lock dist build demo-out .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find planner scheduler tests bench tools -name __pycache__ -type d -prune -exec rm -rf {} +
