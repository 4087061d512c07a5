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

# Blender as Python modules, some 350 MB each, for what is built for it and tested in it. They need Python 3.11.
BPY_PYTHON ?= $(shell command -v python3.11)
BPY45      := .venv-bpy45/.ready-4.5.15
BPY50      := .venv-bpy50/.ready-5.0.1

.PHONY: setup demo test check bench faults fuzz clean blender blender-environments test-blender nuke

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

# 200 kills, full disks and file systems of their own (as root), every fault, 2,000 frames in one process and 1,000
# requests to one worker; prints what it counted.
faults: $(READY)
	LOOKMATTE_FAULTS=1 OMP_NUM_THREADS=$(TEST_THREADS) $(BIN)/python -m pytest tests/faults tests/hostile
	LOOKMATTE_FAULTS=1 LOOKMATTE_REQUESTS=1000 OMP_NUM_THREADS=$(TEST_THREADS) \
		$(BIN)/python -m pytest -rP -k flat tests/rendering/test_render_long.py tests/worker/test_worker.py

# Every parser under a fuzzer that coverage guides, this many seconds each; prints runs, new paths and crashes.
FUZZ_SECONDS ?= 30
fuzz: $(READY)
	$(BIN)/python -m pip install --disable-pip-version-check -q atheris
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	MYPYPATH=tests/nuke:tests/nuke/blink:nuke_gizmo $(BIN)/mypy -p fakenuke

bench: $(READY)
	$(BIN)/python -m benchmarks -o $(BENCH)

blender-environments: $(BPY45) $(BPY50)

$(BPY45) $(BPY50):
	@test -n "$(BPY_PYTHON)" || { echo "bpy needs Python 3.11; try: make BPY_PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	test -x $(dir $@)bin/python || "$(BPY_PYTHON)" -m venv $(dir $@)
	$(dir $@)bin/python -m pip install --disable-pip-version-check -q 'bpy==$(patsubst .ready-%,%,$(notdir $@))'
	$(dir $@)bin/python -c 'import bpy'
	touch $@

# The extension, with lookmatte's own wheel in it for its Create Environment.
blender: $(READY) $(BPY45)
	rm -rf build/wheel && mkdir -p build/wheel
	$(BIN)/python -m pip wheel --disable-pip-version-check -q --no-deps -w build/wheel .
	$(BIN)/python blender_addon/build.py .venv-bpy45/bin/python dist/lookmatte_blender-VERSION.zip build/wheel/*.whl

# What is unpacked into a folder of NUKE_PATH.
nuke: $(READY)
	$(BIN)/python nuke_gizmo/build.py zip dist/lookmatte_nuke-VERSION.zip

test-blender: $(READY) blender-environments
	OMP_NUM_THREADS=$(TEST_THREADS) $(BIN)/python -m pytest -n $(TEST_WORKERS) tests/blender

clean:
	rm -rf $(VENV) build dist out .pytest_cache .mypy_cache .ruff_cache .hypothesis core/*.egg-info
	find core tests examples blender_addon nuke_gizmo benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
