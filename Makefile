# make demo       see the whole life of a capsule, with everything set up by itself
# make test       the tests that need nothing but Python (SQLite, loopback mail, real photos and films)
# make test-all   those, and Postgres, a browser, crashes, all the photos
# make bench      how fast a film is made, beside MoviePy and ffmpeg's zoompan; ARGS="--help" says how to make it short
# make growth     how the CPU of every day's calls grows with the instance, on both databases: 15 minutes
# make faults     kills every command at every point at which it writes, and has each disk call fail: 25 minutes at most
# make simulate   lives 100 lives of 30 years; SEEDS=3 YEARS=10 makes fewer, SEED=17 tells one, STEPS=file repeats one
# make cluster    opens 60 capsules at once on several machines that are killed meanwhile: 20 minutes at most
# make planted   plants eight faults and prints which of those two notices each
# make nightly    those two, and the long tables of which CI takes a sample
# make mutants    plants small faults where capsules are kept and opened, and counts those that the tests notice
# make install    links `capsule`, its manual page and completion to where your shell finds them; make uninstall removes that
# make bare       installs it on a bare Debian by the README's commands alone, behind nginx and with Postfix: ten minutes
# make site       builds the documents as a site, in build/site
# make check      everything static, then `make test`: what must be green before a commit
#
# Another Python: make PYTHON=python3.12 test     More words for the command: make demo ARGS="--photos ~/Pictures"

PYTHON ?=
ARGS ?=
WORKERS ?= 2
export PYTHON

PY := .venv/bin/python
SETUP := @tools/setup.sh
PYTEST := @tools/pytest.sh
LONGEST := tests/browser/test_whole_life.py
BROWSER_TESTS := $(LONGEST) $(filter-out $(LONGEST),$(wildcard tests/browser/test_*.py))

.PHONY: help demo install uninstall bare test test-slow test-all faults simulate cluster planted nightly mutants bench growth site lint check format lock clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo:
	$(SETUP) runtime
	@.venv/bin/capsule demo $(ARGS)

install:
	$(SETUP) runtime
	@tools/link.sh make

uninstall:
	@tools/link.sh remove

bare:
	$(SETUP) runtime
	@$(PY) tools/bare_debian.py $(ARGS)

test:
	$(SETUP) test
	$(PYTEST) -n $(WORKERS) --dist worksteal --durations=10 -m "not slow" $(ARGS)

test-slow:
	$(SETUP) all
	$(PYTEST) -n $(WORKERS) -m slow --ignore=tests/browser $(ARGS)
	@# The browser's event loop outlives its test, so it gets a pytest of its own. Pages of one file share a browser, and
	@# the longest file comes first.
	$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m slow $(BROWSER_TESTS) $(ARGS)

test-all: test test-slow

faults:
	$(SETUP) all
	@PYTHONPATH=tests $(PY) -m faults $(ARGS)

SEEDS ?= 100
YEARS ?= 30
simulate:
	$(SETUP) test
	@PYTHONPATH=tests $(PY) -m simulation --seeds $(SEEDS) --years $(YEARS) \
		$(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS)) $(ARGS)

cluster:
	$(SETUP) all
	@PYTHONPATH=tests $(PY) -m cluster $(ARGS)

planted:
	$(SETUP) all
	@PYTHONPATH=tests $(PY) -m faults.planted $(ARGS)

nightly:
	$(SETUP) all
	CAPSULE_NIGHTLY=1 tools/pytest.sh -n $(WORKERS) -m nightly $(ARGS)
	@$(MAKE) --no-print-directory faults
	@$(MAKE) --no-print-directory simulate

mutants:
	$(SETUP) all
	@nice -n 15 $(PY) tools/mutants.py $(ARGS)

bench:
	$(SETUP) runtime
	@$(PY) benchmarks/film.py $(ARGS)

growth:
	$(SETUP) all
	@PYTHONPATH=tests $(PY) benchmarks/growth.py $(ARGS)

# A page that cannot be read, or a link that leads nowhere, is an error.
site:
	$(SETUP) all
	@$(PY) -m sphinx -q -W --keep-going $(ARGS) docs build/site
	@echo "The site is build/site/index.html"

lint:
	$(SETUP) test
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy
	@$(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-logo

check: lint test

format:
	$(SETUP) test
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

# New pins. Needs uv; four lock files agree because each larger one constrains the smaller ones. The options
# keep every address and every host name out of them.
UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links
lock:
	@command -v uv >/dev/null || { echo "New lock files are made with uv; install it first: pip install uv" >&2; exit 1; }
	$(UV_COMPILE) --upgrade requirements/all.in -o requirements/all.lock
	$(UV_COMPILE) -c requirements/all.lock requirements/test.in -o requirements/test.lock
	$(UV_COMPILE) -c requirements/all.lock requirements/cluster.in -o requirements/cluster.lock
	$(UV_COMPILE) -c requirements/all.lock requirements/runtime.in -o requirements/runtime.lock
	$(UV_COMPILE) --upgrade requirements/generator.in -o requirements/generator.lock
	$(UV_COMPILE) --upgrade requirements/load.in -o requirements/load.lock
	$(UV_COMPILE) --upgrade requirements/s3_servers.in -o requirements/s3_servers.lock
	npm update --silent --package-lock-only --omit-lockfile-registry-resolved --prefix requirements/s3rver

# What was made here, except .venv: that takes longest to make again, and `rm -rf .venv` is easily typed.
clean:
	rm -rf build dist demo out mutants .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +
