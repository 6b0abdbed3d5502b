# make repro runs the whole experiment; make test runs the tests. Both set up .venv first.

export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := 1
export PATH := $(CURDIR)/.venv/bin:$(PATH)

PYTHON ?= python3
INSTALLED := .venv/.installed

.PHONY: repro test test-slow lint types ui setup lock parameters clean

repro: $(INSTALLED)
	@vital repro
	@vital summary

# Test files run side by side, each on one thread, in their order: that of xdist begins with the
# files of most tests and leaves the longest to the end, when there is nothing to run beside them.
test: export OMP_NUM_THREADS := 1
test: $(INSTALLED)
	python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

# Every network of the list at its true input size, and the pipeline many times over: takes hours.
test-slow: $(INSTALLED)
	python -m pytest -m slow -rA

lint: $(INSTALLED)
	ruff check .
	ruff format --check .

types: $(INSTALLED)
	mypy

ui: $(INSTALLED)
	mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$(CURDIR)/mlflow.db}"

setup: $(INSTALLED)

# The environment comes from venv where Python has it, else from uv itself.
.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv .venv \
	  || { rm -rf .venv; $(PYTHON) -m pip install --quiet --target .uv uv && .uv/bin/uv venv .venv; }

$(INSTALLED): requirements.lock pyproject.toml | .venv/bin/python
	@command -v uv >/dev/null 2>&1 || .venv/bin/python -m pip install --quiet uv
	UV="$$(command -v uv || echo .uv/bin/uv)"; \
	  "$$UV" pip install --quiet --compile-bytecode --python .venv/bin/python -r requirements.lock && \
	  "$$UV" pip install --quiet --compile-bytecode --python .venv/bin/python --no-deps -e .
	@touch $@

# Pin everything anew, for all platforms, without index addresses.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
	  --no-emit-find-links --group dev pyproject.toml -o requirements.lock

# docs/parameters.md from the blocks of vital/params.
parameters: $(INSTALLED)
	python -m docs.parameters

clean:
	rm -rf .venv .uv .vital data/inputs data/images data/model data/units data/statistics \
	  data/references data/relevance data/visualizations data/judges data/scores data/report \
	  data/timings mlflow.db mlartifacts .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find benchmarks experiments stages tests vital -name __pycache__ -prune -exec rm -rf {} +
