# The few verbs. `make demo` and `make test` install what they need into .venv first.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
EDGEGAN := $(BIN)/edgegan

.PHONY: demo test test-fast lint format bench docs clean

$(VENV)/.installed: pyproject.toml constraints-py311.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints-py311.txt -e ".[all,dev]"
	touch $@

demo: $(VENV)/.installed
	$(EDGEGAN) compress --target x86-cpu --prune 0.5 --out out/demo

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

test-fast: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m "not slow"

bench: $(VENV)/.installed
	for name in litert x86_cpu runtime memory prune rewrites calibration quantize tensorrt qat recall training zoo public_dcgan real_size; do $(BIN)/python -m benchmarks.$$name || exit 1; done

docs: $(VENV)/.installed
	$(BIN)/python docs/cli.py
	$(BIN)/python docs/schemas.py

clean:
	rm -rf $(VENV) out runs
