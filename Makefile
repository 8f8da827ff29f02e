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
ranges := $(patsubst %,requirements/%.txt,runtime onedl dicom search dev)
compile = $(VENV)-lock/bin/uv pip compile --quiet --constraints requirements/torch.txt \
  --custom-compile-command 'make lock'

.PHONY: help venv demo test lint lock clean

help:  ## Say what can be made
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/'

venv: $(VENV)/.installed  ## Create or update the environment in .venv

$(VENV)/.installed: setup.py $(wildcard requirements/*.txt)
	$(PYTHON) -m venv $(VENV)
	grep -vE '$(released)' $(pins) > $(VENV)/pins.txt
	$(pip) install -c $(VENV)/pins.txt 'setuptools>=64,<82'
	$(pip) install -c $(VENV)/pins.txt --no-build-isolation $(TORCH) -e '.[onedl,dicom,search,dev]'
	# mmcv asks for opencv-python, which needs libGL: lay the build without windows over it.
	$(pip) install -c $(VENV)/pins.txt --force-reinstall --no-deps opencv-python-headless
	touch $@

demo: venv  ## Train, tune and test small models on phantoms; results in demo/
	$(bin)/python tools/demo.py

test: venv  ## Run the test suite
	$(bin)/python -m pytest

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
	rm -rf $(VENV) $(VENV)-lock demo build dist *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
