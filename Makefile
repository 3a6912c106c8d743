# Needs python3 (3.11 or newer) with venv, and make; everything else is installed into .venv.
PYTHON ?= python3
WORKERS ?= auto
# One thread: on matrices of this size the others of NumPy's BLAS only wait, or fight with the test processes for cores.
ONE_THREAD = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Each of the hundreds of processes that tests start reads what is compiled, also where the environment keeps nothing.
export PYTHONDONTWRITEBYTECODE =
PYTEST = $(ONE_THREAD) .venv/bin/python -m pytest -q
INSTALL = python -m pip install --quiet --disable-pip-version-check --editable

.PHONY: demo test test-fast oldest pythons mutants fuzz check figures docs notebooks bench clean

demo: .venv/demo.stamp
	$(ONE_THREAD) .venv/bin/tensorgrad demo $(ARGS)

test: .venv/test.stamp
	$(PYTEST) -n $(WORKERS) $(ARGS)

# 20 random examples for each property in place of 100, and no test that takes seconds: for use while writing.
test-fast: export HYPOTHESIS_PROFILE = fast
test-fast: override ARGS += -m 'not slow'
test-fast: test

# The same beside the oldest NumPy that setup.cfg allows, and the oldest of what else every installation needs.
oldest: export HYPOTHESIS_PROFILE = fast
oldest: .venv-oldest/test.stamp
	cat .venv-oldest/oldest.txt
	$(ONE_THREAD) .venv-oldest/bin/python -m pytest -q -n $(WORKERS) -m 'not slow' $(ARGS)

# The wheel on every Python that is there, with the oldest and the newest NumPy; ARGS=--tests: the archive's tests, too.
pythons: .venv/test.stamp
	.venv/bin/python -m tests.pythons $(ARGS)

# Faults in every rule and in the sweeps: the tests must see each one.
mutants: .venv/test.stamp
	$(ONE_THREAD) .venv/bin/python -m tests.mutants $(ARGS)

# Random programs here and on PyTorch, where it is installed in .venv; without it against the naive engine of the tests.
N ?= 2000
SEED ?= 0
fuzz: .venv/test.stamp
	$(ONE_THREAD) .venv/bin/python -m tests.fuzz --programs $(N) --seed $(SEED) $(ARGS)

# The rules of the house, and what stands stored and is made from the table: pages, stubs, the list of public names.
CHECKED = house words recipes stubs packaging public_surface reference idle
check: .venv/dev.stamp
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	$(PYTEST) $(CHECKED:%=tests/test_%.py) tensorgrad

# The gallery of drawings, what a browser shows of it (needs Debian's chromium and chromium-driver), and chapter 6.
figures: .venv/figures.stamp
	$(ONE_THREAD) .venv/bin/python -m tests.gallery
	$(ONE_THREAD) .venv/bin/python -m tests.browser out/screenshots
	.venv/bin/tensorgrad chapter6 $(ARGS)

# The site of the documents, in out/site; a link that leads nowhere fails. It fetches nothing from elsewhere.
docs: .venv/docs.stamp
	.venv/bin/python -m mkdocs build --quiet $(ARGS)

# The examples, the exercises and three pages as notebooks, in out/notebooks: run, and with what they gave, but for the
# exercises, which are the reader's to solve. Takes about a minute of the processor.
notebooks: .venv/notebooks.stamp
	.venv/bin/python -m tests.notebooks out/notebooks

bench: .venv/bench.stamp
	.venv/bin/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv .venv-oldest out build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The extras that a target needs; a stamp remembers that they are installed for this setup.cfg.
.venv/demo.stamp: EXTRAS = demo
.venv/notebooks.stamp: EXTRAS = demo,notebook,search,testing
.venv/test.stamp: EXTRAS = test,demo,data
.venv/figures.stamp: EXTRAS = test,demo,search
.venv/dev.stamp: EXTRAS = dev
.venv/docs.stamp: EXTRAS = docs
.venv/bench.stamp: EXTRAS = bench

.venv/%.stamp: .venv/bin/python setup.cfg pyproject.toml
	.venv/bin/$(INSTALL) '.[$(EXTRAS)]'
	touch $@

.venv-oldest/test.stamp: .venv/bin/python setup.cfg pyproject.toml
	.venv/bin/python -m venv --clear .venv-oldest
	.venv-oldest/bin/python -m tests.oldest >.venv-oldest/oldest.txt
	.venv-oldest/bin/$(INSTALL) '.[test,demo]' --constraint .venv-oldest/oldest.txt
	touch $@

# A checkout has these links; an archive of the sources, which cannot hold them, gets them here.
LINKS = nn optim viz data chapter6

.venv/bin/python:
	cd tensorgrad && for name in $(LINKS); do test -e $$name || ln -s ../$$name $$name; done
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tensorgrad needs Python 3.11 or newer: make PYTHON=...")'
	$(PYTHON) -m venv .venv
