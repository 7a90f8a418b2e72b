# kpki's targets; `make help` lists them. `make demo` and `make test` are all that a new reader needs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
CARGO ?= cargo
HOST := $(shell rustc -vV | sed -n 's/^host: //p')

# A static binary runs on every node whatever its C library, and starts faster. Only glibc's targets need to be
# asked for it, and with an explicit --target: without one the flag would reach the build's own procedural
# macros, which cannot be static.
ifneq ($(filter x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu,$(HOST)),)
STATIC := RUSTFLAGS='-C target-feature=+crt-static'
endif
KPKI := target/release/kpki

.DEFAULT_GOAL := help
.PHONY: help build fmt lint test fuzz bench demo clean

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name what; do \
	  printf '  make %-8s %s\n' "$$name" "$$what"; done

build: ## the release binary, static, as target/release/kpki
	$(STATIC) $(CARGO) build --locked --release --bin kpki --target $(HOST)
	@mkdir -p $(dir $(KPKI))
	@cmp -s target/$(HOST)/release/kpki $(KPKI) || install -m 0755 target/$(HOST)/release/kpki $(KPKI)

fmt: ## is everything formatted?
	$(CARGO) fmt --check

lint: ## clippy and rustdoc, where a warning is an error
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps

test: ## install what the tests need (Debian's etcd, kubectl, …; PyPI's cryptography), and run them all
	tests/tools/install.sh
	tests/tools/run.sh

fuzz: ## every reader against made-up input, each for FUZZ_SECONDS (20); installs cargo-fuzz, needs no nightly
	tests/tools/fuzz.sh

bench: build ## kpki beside openssl and cfssl; BENCH_QUICK=1 takes less than three minutes
	tests/tools/install.sh
	built=$$($(STATIC) $(CARGO) bench --locked --no-run --bench bare_cost --bench verify --bench audit --target $(HOST) --message-format=json); \
	executable() { sed -n 's/.*"executable":"\([^"]*\/'$$1'-[^"]*\)".*/\1/p' <<<"$$built"; }; \
	python3 benches/run.py --kpki $(KPKI) --bare-cost "$$(executable bare_cost)" --verify "$$(executable verify)" \
	  --audit "$$(executable audit)"

demo: build ## the PKI of a cluster with three control planes, in ./demo
	tests/tools/demo.sh $(KPKI) demo

clean: ## away with everything that was built, and with ./demo
	$(CARGO) clean
	rm -rf demo
