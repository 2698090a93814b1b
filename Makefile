# The few verbs. `make demo` and `make test` install what they need into .venv first.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
EDGEGAN := $(BIN)/edgegan

.PHONY: demo test test-fast lint format bench docs site extras campaign coverage sbom hashes locked audit clean

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
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal

test-fast: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m "not slow"

bench: $(VENV)/.installed
	for name in litert x86_cpu runtime memory prune rewrites calibration quantize tensorrt qat recall training zoo public_dcgan real_size; do $(BIN)/python -m benchmarks.$$name || exit 1; done

docs: $(VENV)/.installed
	$(BIN)/python docs/cli.py
	$(BIN)/python docs/schemas.py

site: $(VENV)/.installed
	$(BIN)/python -m mkdocs build --strict

extras: $(VENV)/.installed
	EDGEGAN_EXTRAS=all $(BIN)/pytest tests/test_extras.py

campaign: $(VENV)/.installed
	$(BIN)/python -m tests.campaign.run --cases 10000
	$(BIN)/python -m tests.campaign.kills --moments 100
	$(BIN)/python -m tests.campaign.soak --minutes 10

coverage: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --cov=edgegan --cov-branch --cov-report=json:out/coverage.json
	$(BIN)/python -m tests.least_covered out/coverage.json

sbom: $(VENV)/.installed
	mkdir -p out
	$(BIN)/cyclonedx-py environment $(VENV) --of JSON --output-reproducible -o out/sbom.json

hashes: $(VENV)/.installed
	$(BIN)/python .ci/hashes.py

locked: hashes-py311.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r hashes-py311.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $(VENV)/.installed

audit: $(VENV)/.installed
	$(PYTHON) -m venv out/audit
	out/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	out/audit/bin/pip-audit -r constraints-py311.txt --no-deps --disable-pip

clean:
	rm -rf $(VENV) out runs
