# Everything a person or CI runs. `make demo` and `make test` each work as the first command on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: demo test check lint types docs serve bench lock clean

demo: $(VENV)/runtime          ## the tour: proxy, guardrails, traces, an eval gate, the review pages
	$(BIN)/guardhouse demo

test: $(VENV)/dev              ## every test that needs no outside service (CI turns those on)
	$(BIN)/pytest -n 2 --dist loadfile -m "not long"

check: lint types test         ## what CI runs: lint, types, tests (the docs are tested too)

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint -c .yamllint.yaml docker-compose.yml .github docs/examples deploy guardrails/policies

types: $(VENV)/dev
	$(BIN)/mypy

docs: $(VENV)/dev              ## only the tests that keep the documentation true
	$(BIN)/pytest tests/architecture/test_docs.py tests/acceptance/test_readme.py

serve: $(VENV)/runtime         ## the proxy on http://127.0.0.1:4000, with ./guardhouse.yaml when there is one
	$(BIN)/guardhouse serve

bench: $(VENV)/dev             ## measured figures beside their bars (docs/reference/benchmarks.md; never a timed test)
	@failed=""; for bench in tests/bench/bench_*.py; do \
		echo "== $$bench"; $(BIN)/python $$bench || failed="$$failed $$bench"; done; \
		test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

lock:                          ## re-resolve the lock files (needs uv on the PATH)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--quiet pyproject.toml --output-file requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--quiet pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info build

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Guardhouse needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes --requirement requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes --requirement requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@ $(VENV)/runtime
