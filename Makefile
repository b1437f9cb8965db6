# Two commands on a fresh machine: `make demo` plans a day of Raipur, `make test` runs the tests.
# Needs Python 3.11, 3.12 or 3.13 as $(PYTHON); everything else is installed into .venv from pyproject.toml
# at the exact versions of constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := PIP_CONSTRAINT=constraints.txt $(PIP) install --quiet

.PHONY: demo serve test test-long check format bench bench-smoke days clean

demo: .venv/installed
	$(BIN)/mitaan warm-up
	$(BIN)/mitaan demo --out out

# The HTTP interface on a store to try: 14 cities, two weeks; shows keys and the address.
serve: .venv/installed
	$(BIN)/mitaan serve --demo

# As many processes as cores, at most four; one that has nothing left takes tests of another.
test: .venv/tested
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

test-long: .venv/tested
	$(BIN)/python -m pytest -m long

check: .venv/checked
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/checked
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Against the peers, at most 15 minutes; broken off, it goes on where it was left.
bench: .venv/benched
	$(BIN)/python -m benchmarks bench

bench-smoke: .venv/installed
	$(BIN)/python -m benchmarks smoke

days: .venv/installed
	$(BIN)/python -m scenarios.generate scenarios/data/days

clean:
	rm -rf .venv out build dist

.venv/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}; try make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/installed: .venv/python pyproject.toml constraints.txt
	$(INSTALL) --editable .
	@touch $@

.venv/tested: .venv/installed
	$(INSTALL) --editable '.[test]'
	@touch $@

.venv/benched: .venv/installed
	$(INSTALL) --editable '.[bench]'
	@touch $@

.venv/checked: .venv/tested
	$(INSTALL) --editable '.[test,check]'
	@touch $@
