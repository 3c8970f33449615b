# make audit          create .venv, audit data/sample, print a summary
# make test           create .venv, run every test; EXAMPLES=many for more random examples
# make check          check formatting, lint and types, run the fast tests: before each commit
# make lint           check formatting, lint and types only
# make docs           write the generated pages of docs/
# make supply         write the bill of materials, sbom.cdx.json, and docs/licences.md
# make schemas        write the published schemas of the results, schemas/json
# make bench          benchmark one audit of 2 million medical lines; N=10 for ten times as many;
#                     N=50 MEMORY=4 for the most memory of one run, from Parquet, under a limit in GiB
# make bench-nightly  benchmark one nightly run against 20 million medical lines; N=1 for a tenth
# make bench-peers    compare with dlt, Pandera on pandas, and the rules in pandas and SQL by hand; N=1 for the goal
# make bench-spread   print what two judging processes save over one, and what cannot be spread
# make growth         print how time and memory grow along each axis; AXIS=explain for one
# make engines        200 random warehouses under Polars' engines and 1, 2 and 8 threads: one digest each
# make nights         random nights of 1,000 senders against a model and a rebuilt warehouse; SEEDS=200 for fewer
# make mutants        break rules and policies one place at a time, and list what no case notices; ID=cyc01 for some
# make lock           pin new dependencies of pyproject.toml and of the peers (needs uv and a network)
# make clean          remove .venv, .venv-peers and out

VENV := .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin
PEERS := .venv-peers
WORKERS := 2
# compiled tests are kept for the next time, even where the environment says otherwise
PYTEST = PYTHONDONTWRITEBYTECODE= POLARS_MAX_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
FIND_PYTHON = for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	if command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then echo $$p; exit; fi; \
	done; echo "Python 3.11 or newer is needed" >&2; exit 1

.PHONY: audit test check lint docs supply schemas bench bench-nightly bench-peers bench-spread growth engines nights mutants lock clean

audit: $(READY)
	$(BIN)/claims-audit run --input data/sample --output out/sample --as-of 2026-06-30

# many slow tests wait for other processes
test: WORKERS := 3
test: $(READY)
	$(PYTEST)

check: lint
	$(PYTEST) -m "not slow"

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python -m tools.write_docs

supply: $(READY)
	$(BIN)/python -m tools.write_supply

schemas: $(READY)
	$(BIN)/python -m tools.write_schemas

bench: $(READY)
	$(BIN)/python benchmarks/$(if $(MEMORY),memory.py --memory $(MEMORY),bench.py) --n $(or $(N),1)

bench-nightly: $(READY)
	$(BIN)/python benchmarks/nightly.py --n $(or $(N),10)

bench-peers: $(READY) $(PEERS)/.ready
	$(BIN)/python benchmarks/peers.py --n $(or $(N),0.1) --python $(PEERS)/bin/python

bench-spread: $(READY)
	$(BIN)/python benchmarks/spread.py --n $(or $(N),0.2)

growth: $(READY)
	$(BIN)/python benchmarks/growth.py $(AXIS)

nights: $(READY)
	NIGHT_SEEDS=$(or $(SEEDS),1000) $(PYTEST) --dist load tests/warehouse/test_any_nights.py

engines: $(READY)
	ENGINE_WAREHOUSES=200 $(PYTEST) tests/program/test_engines.py

mutants: $(READY)
	$(BIN)/python -m tools.mutation.mutants $(ID)

lock:
	uv pip compile pyproject.toml --extra dev --extra cluster --universal --generate-hashes --no-annotate --no-header --output-file requirements.lock
	uv pip compile benchmarks/peers.in --constraint requirements.lock --universal --generate-hashes --no-annotate --no-header --output-file benchmarks/peers.lock

# pip would compile on one core what compileall compiles on all
$(READY): requirements.lock pyproject.toml
	"$$($(FIND_PYTHON))" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps -r requirements.lock
	-$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# an environment of their own: nothing of it is a dependency of the product
$(PEERS)/.ready: benchmarks/peers.lock
	"$$($(FIND_PYTHON))" -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	touch $@

clean:
	rm -rf $(VENV) $(PEERS) out
