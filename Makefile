# `make bench` and `make test` are all a user needs; each sets up .venv on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Trials and tests start processes by the hundred: none should compile what it imports, so set-up does
# (on all processors, which pip does not), and what is imported from here is kept, too.
unexport PYTHONDONTWRITEBYTECODE
# uv is faster than pip, but knows nothing of other indexes that pip is told of.
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
UV := $(shell command -v uv >/dev/null && ! $(PYTHON) -m pip config list 2>/dev/null \
	| grep -qE 'index|find-links' && echo uv pip install --quiet --python $(BIN)/python)
INSTALL := $(or $(UV),$(PIP))

.PHONY: all bench test faults lint format speed docs clean
all: $(READY)

$(READY): pyproject.toml constraints.txt requirements-learn2learn.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "reml needs Python 3.11 or newer; try: make PYTHON=python3.11"; exit 1; }
	@echo "Setting up $(VENV) (once; a minute or two)"
	@$(PYTHON) -m venv $(VENV)
	@rm -rf $(VENV)/wheels
	@$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir $(VENV)/wheels \
		-r requirements-learn2learn.txt & built=$$!; \
		$(INSTALL) -c constraints.txt -e ".[dev,learn2learn]" && wait $$built  # side by side
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps $(VENV)/wheels/*.whl
	@$(BIN)/python -m compileall -q -j 0 -x '/tests?/' $(VENV)/lib >/dev/null 2>&1 || true  # some is for other Pythons
	@rm -rf *.egg-info  # left by the build; would hide entry points that come later from this folder
	@touch $@

bench: $(READY)  ## run the quick matrix; leaves table, plots and report in results/quick
	$(BIN)/reml run quick

test: $(READY)  ## run the tests; root gets from apt what some need: a browser, a SLURM
	@{ command -v chromium && command -v slurmctld && command -v munged; } >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& { apt-get update -qq; apt-get install -y -qq --no-install-recommends chromium slurm-wlm munge; } \
		>/dev/null 2>&1; } || true
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --durations=15

faults: $(READY)  ## three hundred faults: kills, full disks, damage; the counts go to faults.md
	$(BIN)/python tests/faults/campaign.py --faults 312 --seed 1 --at-once 8 --table faults.md

lint: $(READY)  ## style, types and the layers of the design
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

speed: $(READY)  ## both sides of each comparison in one run
	$(BIN)/python -m pytest benchmarks/speed --benchmark-enable

docs: $(VENV)/.docs  ## the documentation as a site, docs/_build/html/index.html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

$(VENV)/.docs: $(READY)
	@$(INSTALL) -c constraints.txt -e ".[docs]"
	@rm -rf *.egg-info
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .benchmarks docs/_build docs/reference
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
