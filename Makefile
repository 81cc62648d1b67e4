# make demo: environment, install, audit of the sample chat log. make test: everything CI runs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint types unit wheel clean

.venv/made:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev,xlsx]'
	touch $@

.venv/made: pyproject.toml

demo: .venv/made
	$(BIN)/kefulint audit examples/chat.jsonl --out out/demo --fail-on never

test: .venv/made lint types unit wheel

lint: .venv/made
	$(BIN)/ruff check linter tests benchmarks
	$(BIN)/ruff format --check linter tests benchmarks

types: .venv/made
	$(BIN)/mypy

unit: .venv/made
	$(BIN)/python -m pytest

# The built wheel must work in a clean environment: the lexicons travel inside it.
wheel: .venv/made
	rm -rf build/wheel && mkdir -p build/wheel
	$(BIN)/python -m build --wheel --outdir build/wheel . > build/wheel/build.log 2>&1 || (cat build/wheel/build.log; false)
	$(PYTHON) -m venv build/wheel/venv
	build/wheel/venv/bin/python -m pip install --quiet build/wheel/*.whl
	cd build/wheel && venv/bin/kefulint check --text '加我微信便宜10块' --fail-on never | grep -q off-platform-contact
	@echo "wheel: installed in a clean environment and found what it should"

clean:
	rm -rf .venv build out
