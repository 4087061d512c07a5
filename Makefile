# From a fresh clone with Python 3.10 or newer: make demo, make test. Everything else lies in .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# pytest-xdist runs two workers; torch would start a thread per core in each of them.
TEST_THREADS ?= 1
TEST_WORKERS ?= 2

# Where make bench writes its table, rows and plot.
BENCH ?= out/bench

.PHONY: setup demo test check bench clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "lookmatte needs Python 3.10 or newer; try: make PYTHON=/path/to/python3.11 setup" >&2; exit 1; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	touch $@

demo: $(READY)
	$(BIN)/lookmatte demo

test: $(READY)
	OMP_NUM_THREADS=$(TEST_THREADS) $(BIN)/python -m pytest -n $(TEST_WORKERS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m benchmarks -o $(BENCH)

clean:
	rm -rf $(VENV) build dist out .pytest_cache .mypy_cache .ruff_cache .hypothesis core/*.egg-info
	find core tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
