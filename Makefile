# make demo: environment, install, audit of the sample chat log. make test: everything CI runs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: weights demo test system lint types unit wheel clean

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

NATIVE := hatch_build.py linter/_native.pyx

.venv/demo: .venv/bin/python pyproject.toml $(NATIVE)
	$(BIN)/python -m pip install --quiet --editable '.[audit]'
	touch $@

.venv/made: .venv/bin/python pyproject.toml $(NATIVE)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ .venv/demo

demo: .venv/demo
	$(BIN)/kefulint audit examples/chat.jsonl --out out/demo --fail-on never

test: system .venv/made lint types unit wheel

# A CI machine gets the browser and the database that some tests drive; elsewhere they skip and say so.
system:
	@bash tests/system.sh

lint: .venv/made
	$(BIN)/ruff check linter tests training benchmarks hatch_build.py
	$(BIN)/ruff format --check linter tests training benchmarks hatch_build.py

types: .venv/made
	$(BIN)/mypy

# A file's tests stay in one process: servers, browsers and databases are started once each. The engine is tried without its
# compiled part too.
unit: .venv/made
	$(BIN)/python -m pytest -n auto --dist loadfile
	KEFULINT_PURE=1 $(BIN)/python -m pytest tests/test_engine.py tests/test_rules.py

# The built wheel must work in a clean environment: the lexicons travel inside it, and its compiled modules judge as the
# sources do. Where the compiler made the checkout's own part, a module that does not compile is an error.
TWINS := audit_run batch cache engine logs pattern rules service summary text words

wheel: .venv/made
	rm -rf build/wheel && mkdir -p build/wheel
	KEFULINT_BUILD=$$(ls linter/_native.*.so linter/_native.*.pyd 2> /dev/null | grep -q . && echo compiled) \
		$(BIN)/python -m build --wheel --outdir build/wheel . > build/wheel/build.log 2>&1 || (cat build/wheel/build.log; false)
	$(PYTHON) -m venv build/wheel/venv
	build/wheel/venv/bin/python -m pip install --quiet "$$(ls build/wheel/*.whl)[audit]" hypothesis openpyxl pexpect psutil pytest
	cd build/wheel && venv/bin/kefulint check --text '加我微信便宜10块' --fail-on never | grep -q off-platform-contact
	cd build/wheel && venv/bin/pytest -c ../../pyproject.toml -o pythonpath= $(TWINS:%=../../tests/test_%.py)
	@echo "wheel: installed in a clean environment and found what it should"

# The compact reader from the cases: some minutes, the same bytes from the same cases. See training/README.md.
weights: .venv/made
	$(BIN)/python -m training compact --out out/compact.weights

clean:
	rm -rf .venv build out
