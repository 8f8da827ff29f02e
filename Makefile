# `make demo` and `make test` work from a fresh clone; they need Python 3.10 to 3.12 and make.
# docs/install.md: other Pythons, CPU builds of torch, machines without internet.

PYTHON ?= python3
VENV ?= .venv
# Another pair of torch and torchvision than that of the lock file, as arguments of pip.
TORCH ?=

bin := $(VENV)/bin
pip := $(bin)/python -m pip --disable-pip-version-check
python_version := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
# Exact pins where there are any; elsewhere (3.10) ranges and the pinned pair.
pins := $(or $(wildcard requirements/lock-$(python_version).txt),requirements/torch.txt)
# Another pair brings its own CUDA libraries.
released := $(if $(TORCH),^(torch|torchvision|triton|cuda-[a-z]+|nvidia-[a-z0-9-]+)==,^$$)
ranges := $(patsubst %,requirements/%.txt,runtime onedl dicom seg onnx search report dev)
compile = $(VENV)-lock/bin/uv pip compile --quiet --constraints requirements/torch.txt \
  --custom-compile-command 'make lock'

# The original OpenMMLab stack: a folder of wheels to use first, and where a built mmcv is kept.
WHEELS ?=
wheel_cache := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/mmseg_mammo/torch-2.1.2
original := $(VENV)-openmmlab
original_pip := $(original)/bin/python -m pip --disable-pip-version-check
minimum := $(VENV)-minimum

.PHONY: help venv demo test test-all test-openmmlab test-minimum lint lock clean

help:  ## Say what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/'

venv: $(VENV)/.installed  ## Create or update the environment in .venv

$(VENV)/.installed: setup.py $(wildcard requirements/*.txt)
	$(PYTHON) -m venv $(VENV)
	grep -vE '$(released)' $(pins) > $(VENV)/pins.txt
	$(pip) install -c $(VENV)/pins.txt 'setuptools>=64,<82'
	$(pip) install -c $(VENV)/pins.txt --no-build-isolation $(TORCH) -e '.[onedl,dicom,seg,onnx,search,report,dev]'
	# mmcv asks for opencv-python, which needs libGL: lay the build without windows over it.
	$(pip) install -c $(VENV)/pins.txt --force-reinstall --no-deps opencv-python-headless
	touch $@

demo: venv  ## Train, tune and test small models on phantoms; results in demo/
	$(bin)/python tools/demo.py

test: venv  ## Run the tests that are fast: everything that protects a number
	$(bin)/python -m pytest -m 'not slow'

test-all: venv  ## Run all tests
	$(bin)/python -m pytest

test-openmmlab: $(original)/.installed  ## Run it on the original stack; WHEELS=folder with mmcv 2.1.0
	$(original)/bin/python -m pytest

$(original)/.installed: setup.py $(wildcard requirements/*.txt)
	$(PYTHON) -m venv $(original)
	$(original_pip) install 'setuptools<70' wheel 'numpy<2' torch==2.1.2 torchvision==0.16.2
	# Takes mmcv from WHEELS or the cache, or builds it with its operators; then it is in the cache.
	MMCV_WITH_OPS=1 $(original_pip) wheel --no-deps --no-build-isolation \
	  $(addprefix --find-links ,$(WHEELS) $(wildcard $(wheel_cache))) -w $(wheel_cache) mmcv==2.1.0
	$(original_pip) install --no-build-isolation --find-links $(wheel_cache) \
	  mmcv==2.1.0 torch==2.1.2 torchvision==0.16.2 -e '.[openmmlab,dicom,seg,onnx,search,report,dev]'
	$(original_pip) install --force-reinstall --no-deps 'opencv-python-headless<4.11'
	touch $@

test-minimum: $(minimum)/.installed  ## Run it on the lowest versions that setup.py allows
	$(minimum)/bin/python -m pytest

$(minimum)/.installed: setup.py $(wildcard requirements/*.txt)
	$(PYTHON) -m venv $(minimum)
	$(minimum)/bin/python -m pip install uv wheel 'setuptools>=64,<82'
	$(minimum)/bin/uv pip compile --quiet --resolution lowest-direct \
	  --python $(minimum)/bin/python --output-file $(minimum)/lowest.txt $(ranges)
	$(minimum)/bin/python -m pip install -r $(minimum)/lowest.txt
	$(minimum)/bin/python -m pip install --no-build-isolation --no-deps -e .
	$(minimum)/bin/python -m pip install --force-reinstall --no-deps \
	  "opencv-python-headless==$$(sed -n 's/^opencv-python==//p' $(minimum)/lowest.txt)"
	touch $@

lint: venv  ## Check style and types
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy

lock:  ## Renew the lock files from the ranges
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install uv
	$(compile) --upgrade --python-version 3.11 --output-file requirements/lock-3.11.txt $(ranges)
	# Starting from the versions of 3.11, so that both Pythons behave alike.
	cp requirements/lock-3.11.txt requirements/lock-3.12.txt
	$(compile) --python-version 3.12 --output-file requirements/lock-3.12.txt $(ranges)
	rm -rf $(VENV)-lock

clean:  ## Remove what these targets made: environment, demo, caches
	rm -rf $(VENV) $(VENV)-lock $(original) $(minimum) demo build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
