# One verb per thing a person does. Everything sets itself up: `make lab` and `make test` work on a fresh clone.
#   make lab    the course in JupyterLab          make bench  speed, as ratios against named peers
#   make test   everything that must hold         make lint   style and types
#   make zoo    every attack on the judge
#   make clean  removes what the others made (never your work or your progress)

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
LIMIT  := --timeout 300# seconds for one test: a hang becomes a failure that says where
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: lab test zoo bench lint clean
.DEFAULT_GOAL := lab

lab: $(BIN)/.course
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --ServerApp.root_dir="$(CURDIR)" $(ARGS) notebooks/00_start_here.ipynb

# Library and gate, then the attacks on the judge but for the slow ones, then a real browser, then every notebook with its saved outputs compared.
test: $(BIN)/.dev system lint
	$(BIN)/pytest $(LIMIT) -n 2 tests --ignore=tests/browser --ignore=tests/grading/test_zoo.py
	$(BIN)/pytest $(LIMIT) -m "not slow" tests/grading/test_zoo.py
	$(BIN)/pytest $(LIMIT) tests/browser
	state=$$(mktemp -d) && COURSE_STATE=$$state $(BIN)/python -m pytest -n 2 --dist loadfile -p no:cacheprovider -p tests.kernels \
	    --nbval --nbval-current-env --nbval-cell-timeout 120 --nbval-sanitize-with notebooks/sanitize.cfg \
	    notebooks $(wildcard exercises/*.ipynb solutions/*.ipynb); \
	    status=$$?; rm -rf "$$state"; exit $$status

# Every attack on the judge: bombs among them, so with nothing else beside it. A quarter of an hour.
zoo: $(BIN)/.dev system
	$(BIN)/pytest $(LIMIT) tests/grading/test_zoo.py

bench: $(BIN)/.dev system
	$(BIN)/python -m bench

lint: $(BIN)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The two stamps are made again when the pins change.
$(BIN)/.course: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "the course needs Python 3.11 or newer, this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	$(BIN)/python -m course_lib.authoring.lab_settings
	touch $@

$(BIN)/.dev: $(BIN)/.course
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

# Chromium, nginx, Redis and bubblewrap for the tests: installed where that is allowed, otherwise named.
.PHONY: system
system:
	@sh tests/system_packages.sh

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
