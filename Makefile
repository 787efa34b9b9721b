# Weir: 'make help' lists what there is to make.

PREFIX ?= /usr/local
PYTHON := .venv/bin/python
WEIR := .build/release/weir
# The runtime goes into the program, so that it runs where no Swift is installed; macOS brings its own.
STATIC := $(if $(filter Darwin,$(shell uname -s)),,--static-swift-stdlib)
# make bench ARGS='--rows linear --runs 3', make e2e ARGS=ties
ARGS ?=
# make fuzz SECONDS=60
SECONDS ?= 60

.DEFAULT_GOAL := build
.PHONY: build setup demo test test-quick e2e fuzz campaign-faults campaign-kill limits sanitize bench bench-peers bench-70b bench-journal lint format completions install uninstall clean help

build: ## build the program: .build/release/weir
	@scripts/setup check
	swift build -c release $(STATIC) --product weir

setup: ## install what building, demo and tests need (apt and a Python environment in .venv)
	@scripts/setup

demo: ## install what is missing, build, and merge networks that read handwritten digits
	@scripts/setup
	@$(MAKE) --no-print-directory build
	@$(PYTHON) Demo/digits.py

test: ## run everything that CI runs
	@scripts/setup
	@scripts/test

test-quick: ## lint, and the Swift tests in a debug build
	@scripts/setup libraries
	@scripts/test --quick

e2e: build ## the end-to-end checks alone; ARGS='WORD…' chooses some by title
	@scripts/setup python
	@$(PYTHON) Tests/EndToEnd/run.py $(ARGS)

fuzz: ## feed every parser with wild bytes for SECONDS each; ARGS='TARGET…' chooses some
	@scripts/setup libraries
	@scripts/fuzz $(SECONDS) $(ARGS)

sanitize: ## run the suites of threads under the thread sanitizer, those of hostile bytes under the address sanitizer
	@scripts/setup libraries
	@scripts/sanitize thread
	@scripts/sanitize address

campaign-faults: build ## let every system call of small runs fail once, and every input change at every point
	@scripts/setup python
	@$(PYTHON) Tests/Faults/run.py --all $(ARGS)

limits: build ## the checks of memory, of scale, and inside a control group alone
	@scripts/setup python
	@$(PYTHON) Tests/Limits/memory.py
	@$(PYTHON) Tests/Limits/cgroup.py
	@$(PYTHON) Tests/Limits/scale.py

bench: build ## time merges beside the disk's own speed; ARGS='--rows ties --runs 3 --memory 64M'
	@scripts/setup python
	@$(PYTHON) Benchmarks/bench.py $(ARGS)

bench-peers: build ## time the same merges by mergekit, installed apart; ARGS='--rows linear --runs 5'
	@scripts/setup python
	@$(PYTHON) Benchmarks/peers.py $(ARGS)

bench-70b: build ## compress and merge models of 70 billion parameters in sparse files; ARGS='--layers 2' rehearses
	@scripts/setup python
	@$(PYTHON) Benchmarks/bench70b.py $(ARGS)

bench-journal: build ## measure what journal and checksums cost of a merge's processor time; ARGS='--runs 5'
	@scripts/setup python
	@$(PYTHON) Benchmarks/journal.py $(ARGS)

campaign-kill: build ## kill runs at 200 random instants, and compare what comes of them; ARGS='--kills 20 --seed 7'
	@scripts/setup python
	@$(PYTHON) Tests/Campaigns/kill.py $(ARGS)

lint: ## check formatting and house rules
	@scripts/lint

format: ## format the Swift sources in place
	swift format --in-place --recursive --parallel Package.swift Sources Tests Fuzz

completions: build ## write shell completions to .build/completions
	@mkdir -p .build/completions
	@$(WEIR) --generate-completion-script bash > .build/completions/weir.bash
	@$(WEIR) --generate-completion-script zsh > .build/completions/_weir
	@$(WEIR) --generate-completion-script fish > .build/completions/weir.fish
	@echo "written to .build/completions"

install: completions ## install program and completions under PREFIX (/usr/local)
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/bash-completion/completions" \
	  "$(DESTDIR)$(PREFIX)/share/zsh/site-functions" "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d"
	install -m 755 $(WEIR) "$(DESTDIR)$(PREFIX)/bin/weir"
	install -m 644 .build/completions/weir.bash "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/weir"
	install -m 644 .build/completions/_weir "$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_weir"
	install -m 644 .build/completions/weir.fish "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/weir.fish"

uninstall: ## remove what install installed
	rm -f "$(DESTDIR)$(PREFIX)/bin/weir" "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/weir" \
	  "$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_weir" "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/weir.fish"

clean: ## remove what was built, and what demo and benchmark wrote
	rm -rf .build .build-* demo-output bench-output

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile
