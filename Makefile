# `make` prints this help. Everything is set up in .venv; nothing is written outside this folder but pip's cache.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PORT ?= 8000
DATA_DIR ?= data
export PORT DATA_DIR
export PIP_DISABLE_PIP_VERSION_CHECK := 1

VENV := .venv
TRAINING := .venv-training
BENCH := .venv-bench
PEERS := $(notdir $(wildcard benchmarks/peers/*))
PIP := -m pip install --quiet --require-virtualenv
FLASK := $(VENV)/bin/python -m flask --app wsgi
# FLAGS goes to the tool behind a target: make test FLAGS="-k upload". Training also knows RECIPE, FOLD, RUNS and QUICK=1.
FLAGS ?=
RECIPE ?= unet-efficientnetb3
FOLD ?= 0
RUNS ?= runs
# glibc gives each large tensor back to the system and gets it back empty; kept instead, a step takes a quarter less time.
TRAIN = GLIBC_TUNABLES=glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=34359738368:glibc.malloc.hugetlb=1 \
  $(TRAINING)/bin/python
TRAINING_FLAGS = --recipe $(RECIPE) --fold $(FOLD) --runs "$(RUNS)" $(if $(QUICK),--quick) $(FLAGS)

.PHONY: help
help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

.PHONY: run
run: $(VENV)/.serving migrate ## Serve at http://localhost:8000 (PORT, DATA_DIR and other settings from the environment)
	@echo "Serving at http://localhost:$(PORT) - stop with Ctrl-C"
	@exec $(VENV)/bin/python -m gunicorn --config gunicorn.conf.py wsgi:app

.PHONY: serve
serve: $(VENV)/.serving migrate ## Serve with nginx in front, as the image does (LISTEN=0.0.0.0 lets other machines in)
	@SANDBOX=$${SANDBOX:-required} exec $(VENV)/bin/python -m server

.PHONY: migrate
migrate: $(VENV)/.serving ## Bring the database up to date, fill an empty clinic directory, print the set-up link
	@$(FLASK) prepare

.PHONY: test
test: $(VENV)/.testing ## Run the unit and functional tests
	@echo "Not in this run: browser tests (make browser-test), training tests (make test-training)"
	@$(VENV)/bin/python -m pytest -n auto -m "not browser and not training and not exam" $(FLAGS)

.PHONY: check
check: $(VENV)/.testing ## Lint and check types
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy

.PHONY: fix
fix: $(VENV)/.testing ## Mend and format what the linter can
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

.PHONY: browser-test
browser-test: $(VENV)/.testing ## Drive a browser (Chromium) through the whole journey
	@$(VENV)/bin/python -m pytest -m browser $(FLAGS)

.PHONY: exam exam-short
exam: $(VENV)/.testing ## Examine the running product: bad inputs, faults, loads; writes docs/reference/exam.md (hours)
	@$(VENV)/bin/python -m pytest tests/exam --exam-results tests/exam/results.json $(FLAGS) || failed=1; \
	$(VENV)/bin/python scripts/write_exam.py; exit $${failed:-0}
exam-short: $(VENV)/.testing ## Examine what fits in ten minutes
	@$(VENV)/bin/python -m pytest tests/exam -m "not long and not alone" -n 2 --dist loadfile $(FLAGS) || failed=1; \
	$(VENV)/bin/python -m pytest tests/exam -m "not long and alone" $(FLAGS) || failed=1; exit $${failed:-0}

.PHONY: fuzz
fuzz: $(VENV)/.testing ## Send damaged files and made-up calls by the thousand (FUZZ_FILES=10000, FUZZ_FIRST=0)
	@$(VENV)/bin/python -m pytest tests/exam/fuzzing/test_fuzz.py tests/exam/fuzzing/test_openapi.py -m long $(FLAGS)

.PHONY: load
load: $(VENV)/.testing ## Examine loads and memory (hours; SOAK_MINUTES, BACKUP_GB); writes docs/reference/exam.md
	@$(VENV)/bin/python -m pytest tests/exam/loads --exam-results tests/exam/results.json $(FLAGS) || failed=1; \
	$(VENV)/bin/python scripts/write_exam.py; exit $${failed:-0}

.PHONY: test-training
test-training: $(TRAINING)/.ready ## Run the tests of training, with torch
	@$(TRAINING)/bin/python -m pytest tests/unit/training $(FLAGS)

# The default recipe comes first: its ablations share its U-Nets.
RECIPES ?= unet-efficientnetb3 $(filter-out unet-efficientnetb3,$(basename $(notdir $(wildcard training/experiments/*.yaml))))
FOLDS ?= 0 1 2 3 4

.PHONY: train evaluate export leaderboard train-all drift widths
train: $(TRAINING)/.ready ## Train the networks of RECIPE; resumes where it stopped
	@$(TRAIN) -m training train $(TRAINING_FLAGS)
evaluate: $(TRAINING)/.ready ## Evaluate trained networks and draw the curves
	@$(TRAIN) -m training evaluate $(TRAINING_FLAGS)
export: $(TRAINING)/.ready ## Write the networks to models/ as ONNX with manifest and model card
	@$(TRAIN) -m training export $(TRAINING_FLAGS)
leaderboard: $(TRAINING)/.ready ## Compare the figures of all runs (FLAGS=--all: every figure, to runs/leaderboard.md)
	@$(TRAINING)/bin/python -m training.leaderboard --runs "$(RUNS)" $(FLAGS)
drift: $(TRAINING)/.ready ## Measure what is declined: photos, noise, phantoms, mammograms, real pictures
	@$(TRAINING)/bin/python -m training.questions.drift $(FLAGS)
widths: $(TRAINING)/.ready ## Train U-Nets of several widths shortly, and compare outline and time
	@$(TRAIN) -m training.questions.width_front $(FLAGS)
train-all: $(TRAINING)/.ready ## Train and evaluate RECIPES on FOLDS (all on all), then compare; goes on where it stopped
	@failed=; for recipe in $(RECIPES); do for fold in $(FOLDS); do \
	  if [ -f "$(RUNS)/$$recipe$(if $(QUICK),-quick)/fold$$fold/metrics.json" ]; then continue; fi; \
	  echo "$$recipe, fold $$fold"; \
	  $(TRAIN) -m training evaluate --recipe "$$recipe" --fold "$$fold" --runs "$(RUNS)" $(if $(QUICK),--quick) $(FLAGS) \
	    || failed="$$failed $$recipe/$$fold"; \
	done; done; \
	$(TRAINING)/bin/python -m training.leaderboard --runs "$(RUNS)"; \
	if [ -n "$$failed" ]; then echo "Failed:$$failed" >&2; exit 1; fi

.PHONY: openvino
openvino: $(VENV)/.serving ## Serve with OpenVINO from now on: faster on x86-64 processors
	@$(VENV)/bin/python -m pip uninstall --yes --quiet onnxruntime-gpu onnxruntime
	@$(VENV)/bin/python $(PIP) -r requirements-openvino.txt

.PHONY: bench bench-gpu
bench: $(VENV)/.serving $(BENCH)/.ready $(PEERS:%=.venv-peers/%/.ready) ## Measure beside other stacks (20 minutes; FLAGS=--quick: 3)
	@$(VENV)/bin/python -m benchmarks.measure $(FLAGS)
	@$(BENCH)/bin/python -m benchmarks.page
bench-gpu: $(VENV)/.serving $(BENCH)/.ready ## Measure engine and server on an NVIDIA GPU
	@$(VENV)/bin/python $(PIP) -r requirements-cuda.txt
	@GPU=1 $(VENV)/bin/python -m benchmarks.measure $(FLAGS)
	@$(VENV)/bin/python -m benchmarks.engines --gpu
	@$(BENCH)/bin/python -m benchmarks.page

.PHONY: bench-engines
bench-engines: .venv-engines/.ready ## Compare engines and arithmetics on this CPU (5 minutes)
	@.venv-engines/bin/python -m benchmarks.engines

.PHONY: docs
docs: $(VENV)/.testing ## Write the tables of docs/reference from the code
	@$(VENV)/bin/python scripts/write_reference.py

# --- environments -----------------------------------------------------------------------------------------------

# The newest Python from 3.11 on that runs and has venv; a name on the PATH alone proves neither.
$(VENV)/bin/python:
	@for name in python3.13 python3.12 python3.11 python3; do \
	  if $$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    $$name -m venv $(VENV) && exit 0; rm -rf $(VENV); \
	  fi; \
	done; \
	echo "Sonotriage needs Python 3.11 or newer with venv. On Debian or Ubuntu: apt install python3 python3-venv" >&2; exit 1

$(VENV)/.serving: requirements.txt | $(VENV)/bin/python
	@echo "Installing what serving needs into $(VENV) (once, some minutes)"
	@$(VENV)/bin/python $(PIP) -r requirements.txt
	@touch $@

$(VENV)/.testing: requirements-dev.txt $(VENV)/.serving
	@echo "Installing what the tests need into $(VENV)"
	@$(VENV)/bin/python $(PIP) -r requirements-dev.txt
	@touch $@

$(TRAINING)/bin/python: | $(VENV)/bin/python
	@$(VENV)/bin/python -m venv $(TRAINING)

$(TRAINING)/.ready: training/requirements.txt requirements.txt | $(TRAINING)/bin/python
	@echo "Installing what training needs into $(TRAINING) (once, some minutes)"
	@$(TRAINING)/bin/python $(PIP) -r training/requirements.txt
	@touch $@

.venv-engines/.ready: requirements.txt requirements-openvino.txt benchmarks/requirements-engines.txt | $(VENV)/bin/python
	@$(VENV)/bin/python -m venv .venv-engines
	@grep -v '^onnxruntime' requirements.txt > .venv-engines/wanted.txt
	@.venv-engines/bin/python $(PIP) -r .venv-engines/wanted.txt -r requirements-openvino.txt -r benchmarks/requirements-engines.txt
	@touch $@

$(BENCH)/.ready: benchmarks/requirements.txt | $(VENV)/bin/python
	@$(VENV)/bin/python -m venv $(BENCH)
	@$(BENCH)/bin/python $(PIP) -r benchmarks/requirements.txt
	@touch $@

.venv-peers/%/.ready: benchmarks/peers/%/requirements.txt | $(VENV)/bin/python
	@echo "Installing the peer $* into .venv-peers/$* (once, some minutes)"
	@$(VENV)/bin/python -m venv .venv-peers/$*
	@.venv-peers/$*/bin/python $(PIP) -r $<
	@touch $@
