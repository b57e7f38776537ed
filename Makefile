# Two commands are all a fresh machine needs: `make demo` and `make test`. Everything else is for those who change the code.
# Nothing here is needed to use videoscan: `pip install .` and `videoscan demo` do without make.

PYTHON ?= python3
VENV   ?= .venv
comma  := ,
# The real model server that some tests talk to comes along where its tools lie beside the project.
EXTRAS ?= dev$(if $(wildcard ../shared/tools),$(comma)server-tests)
BIN    := $(VENV)/bin
USE    := $(VENV)/.use
# Files of tests side by side, each on one core from its first test to its last; the small ones, in tests/unit, come last, so that
# no core is left with a long file when the others have ended.
SPREAD := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
READY  := $(VENV)/.ready-$(subst $(comma),-,$(EXTRAS))

.PHONY: help demo test fuzz kills service-kills soak conformance check format bench browser docs wheel clean
help:     ; @sed -n 's/^\([a-z-]*\): .*## /\1\t/p' Makefile
demo: $(USE)         ## scan a sample with the built-in describer and print its timeline
	@$(BIN)/videoscan demo
test: $(READY)       ## the whole test suite
	$(BIN)/python -m pytest $(SPREAD)
fuzz: $(READY)       ## scan 2,000 damaged copies of small clips in every codec and container: 10 to 25 minutes
	$(BIN)/python -m tests.fuzz
kills: $(READY)      ## kill scans 200 times at random moments, and go on: ten minutes
	$(BIN)/python -m tests.kill
soak: $(READY)       ## a real RTSP camera with forty faults, and a week on an accelerated clock: half an hour
	PYTHONPATH=tests $(BIN)/python -m tests.faults
	PYTHONPATH=tests $(BIN)/python -m tests.week
service-kills: $(READY) ## kill a working service 100 times, and go on: ten minutes to half an hour
	$(BIN)/python -m tests.kill --service
conformance: $(READY) ## the client against llama.cpp, vLLM and transformers, installed for it: 5 GB and half an hour the first time
	$(BIN)/python -m pytest -o pythonpath="tests . tests/conformance" -o timeout=1800 tests/conformance/servers.py
check: $(READY)      ## format, lint, types, import rules, tests: what CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest $(SPREAD)
format: $(READY)     ## put the code into its one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
bench: $(READY)      ## every benchmark, each comparing side by side in one run
	for each in benchmarks/[a-z]*.py; do $(BIN)/python $$each || exit 1; done
browser: $(READY)    ## the tests in a real Chromium only
	$(BIN)/python -m pytest tests/browser
docs: $(READY)       ## write the reference pages again from the code
	$(BIN)/python docs/make_reference.py
wheel: $(READY)      ## build the wheel and the source archive
	$(BIN)/python -m build
clean:               ## take away everything that was made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache videoscan-out

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
$(USE): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@
$(READY): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	@touch $@ $(USE)
