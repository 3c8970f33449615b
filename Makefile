# make audit    set everything up and audit the sample
# make test     set everything up and run every test
# make check    formatting, lint, types and the fast tests
# make lint     formatting, lint and types alone
# make schemas  write the published schemas of the results, schemas/json
# make bench    how long an audit takes, on two million medical lines; make bench N=10 on ten times as many
# make bench-nightly  how long a night takes on a warehouse of twenty million medical lines; N=1 on a tenth
# make mutants  break rules and policies in one place at a time: some case must fail; make mutants ID=cyc01 for some

VENV := .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
FIND_PYTHON = for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	if command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then echo $$p; exit; fi; \
	done; echo "Python 3.11 or newer is needed" >&2; exit 1

.PHONY: audit test check lint schemas bench mutants clean

audit: $(READY)
	$(BIN)/claims-audit run --input data/sample --output out/sample --as-of 2026-06-30

test: $(READY)
	$(PYTEST)

check: lint
	$(PYTEST) -m "not slow"

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

schemas: $(READY)
	$(BIN)/python -m tools.write_schemas

bench: $(READY)
	$(BIN)/python benchmarks/bench.py --n $(or $(N),1)

bench-nightly: $(READY)
	$(BIN)/python benchmarks/nightly.py --n $(or $(N),10)

mutants: $(READY)
	$(BIN)/python -m tools.mutation.mutants $(ID)

$(READY): requirements.lock pyproject.toml
	"$$($(FIND_PYTHON))" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf $(VENV) out
