# Each target sets up its own .venv the first time: uv where it is installed, otherwise python3 -m venv and pip.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
JOBS   ?= 2

.PHONY: tour test matrix lint bars peers board docs portal portal-check clean

tour: $(VENV)/.ready-run
	$(BIN)/erlangen tour

test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -m "not slow and not matrix and not browser" -n $(JOBS) --dist loadgroup --costs

# Damaged files through every reader, then hostile ones; `make fuzz CASES=2000 ONLY=xyz`.
.PHONY: fuzz
fuzz: $(VENV)/.ready-dev
	cd tests && PYTHONPATH=. ../$(BIN)/python -m fuzz --cases $(or $(CASES),10000) --only "$(ONLY)" --jobs $(JOBS)

# Every method on every task that it accepts, with the same rules: hours.
matrix: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -m matrix -n $(JOBS) --dist loadgroup tests/testing/test_matrix.py

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/erlangen check map

bars: $(VENV)/.ready-dev
	XLA_FLAGS= $(BIN)/python -m pytest -m "slow and not matrix" -s
	@set -e; for script in $(filter-out $(AGAINST),$(wildcard benchmarks/*.py)); do echo "== $$script"; $(BIN)/python $$script; done

# Other packages beside ours, in one process each; they live in an environment of their own.
AGAINST := $(wildcard benchmarks/*_against_*.py)
peers: .venv-peers/.ready
	@set -e; for script in $(AGAINST); do echo "== $$script"; .venv-peers/bin/python $$script; done

# Every lesson in full, each within 60 s; what it prints is kept beside it. `make lessons ONLY=continuum/burgers`.
.PHONY: lessons
lessons: $(VENV)/.ready-dev
	$(BIN)/erlangen lesson $(or $(ONLY),--all) --keep

# The records that show which leaves are open, made again: hours. `make board LEAVES=quantum` makes some.
board: $(VENV)/.ready-run
	$(BIN)/erlangen board --remake $(LEAVES)

# What the wheel contains beside the source: the front end of `erlangen serve` and `erlangen export` (erlangen/portal/site),
# and which method fits which task (erlangen/study/catalogue.json). CHECK: its types and unit tests as well.
portal: $(VENV)/.ready-dev
	$(BIN)/python web/build.py $(CHECK)
	$(BIN)/python -m erlangen.study.matching

portal-check:
	$(MAKE) portal CHECK=--check

# The portal in a real Chromium: pages, journeys, jobs, hostile input. Without Chromium or bundle they skip and say why.
.PHONY: portal-test
portal-test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -m browser -rs --durations=8 tests/portal

# Screenshots of every page in four ways, into build/pictures; the two of the README into docs/pictures.
.PHONY: pictures
pictures: $(VENV)/.ready-dev
	$(BIN)/python web/pictures.py

# The site of the documentation, into site/; a link or an anchor that leads nowhere ends it.
docs: $(VENV)/.ready-docs
	$(BIN)/python docs/build.py

$(BIN)/python:
	@if command -v uv >/dev/null 2>&1; then uv venv -q --seed --python "$(PYTHON)" $(VENV); else $(PYTHON) -m venv $(VENV); fi

# $(call install,TARGET): the package in place, pinned by constraints.txt
install = if command -v uv >/dev/null 2>&1; then uv pip install -q --python $(BIN)/python -c constraints.txt -e "$(1)"; \
          else $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e "$(1)"; fi

$(VENV)/.ready-run: pyproject.toml constraints.txt | $(BIN)/python
	@$(call install,.)
	@touch $@

$(VENV)/.ready-dev: pyproject.toml constraints.txt | $(BIN)/python
	@$(call install,.[dev])
	@touch $@ $(VENV)/.ready-run $(VENV)/.ready-docs

# What the extra `docs` needs, without the package and all that this needs: pages are made from sources.
EXTRA := import shlex, tomllib; print(shlex.join(tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"]))
$(VENV)/.ready-docs: pyproject.toml constraints.txt | $(BIN)/python
	@$(BIN)/python -c '$(EXTRA)' | xargs $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt
	@touch $@

.venv-peers/.ready: benchmarks/requirements.txt pyproject.toml
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install -q --disable-pip-version-check -r benchmarks/requirements.txt -e .
	@touch $@

clean:
	rm -rf $(VENV) .venv-peers build dist site web/node_modules erlangen/portal/site
