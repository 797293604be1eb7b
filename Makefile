# Every target is one command of tools/dev.py, which needs nothing but Python's standard library.
# On Windows without make:  py tools\dev.py lab | test | check | build
PYTHON ?= python3
ARGS ?=

.PHONY: lab test check build chapters notebooks readme clean

lab test check build chapters notebooks readme clean:
	@$(PYTHON) tools/dev.py $@ $(ARGS)
