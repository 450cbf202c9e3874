# All that can be made is listed by `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export CGO_ENABLED = 0
BIN := bin/faasmrun
# What .ci/setup prints is the directory of a Go that is new enough; it runs once a make.
setup_go = $(eval setup_go := $$(shell .ci/setup))$(setup_go)
GO = $(or $(setup_go),$(error the set-up did not succeed))/go

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: ## install what is missing (apt as root; otherwise the line to run is printed)
	@.ci/setup >/dev/null

.PHONY: build
build: setup ## bin/faasmrun, with the compiler's other names beside it
	@mkdir -p bin
	$(GO) build -trimpath -o $(BIN) ./faasmrun
	@for name in faasmcc faasmc++ mpicc mpicxx mpic++; do ln -sf faasmrun bin/$$name; done

PREFIX ?= /usr/local
.PHONY: install
install: build ## into PREFIX (/usr/local) below DESTDIR: bin/faasmrun, the compiler's names, and what a script finds under other names
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/faasmrun/compat
	install -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/faasmrun
	@for name in faasmcc faasmc++; do ln -sf faasmrun $(DESTDIR)$(PREFIX)/bin/$$name; done
	@for name in faasmrun mpirun mpiexec srun sbatch; do \
		ln -sf ../../../bin/faasmrun $(DESTDIR)$(PREFIX)/libexec/faasmrun/compat/$$name; done

.PHONY: run
run: build ## set up, build, compile an example and run it on 4 ranks
	bin/faasmrun toolchain install
	bin/faasmrun cc -o bin/hello.wasm examples/hello/hello.c
	bin/faasmrun -np 4 bin/hello.wasm

.PHONY: test
test: build ## set up and run all tests
	bin/faasmrun toolchain install
	$(GO) vet ./...
	$(GO) test -timeout 18m ./...

.PHONY: test-native
test-native: build ## the tests from outside (scripts, pages, clusters) with programs on the native engine (needs clang)
	bin/faasmrun toolchain install
	FAASMRUN_ENGINE=native $(GO) test -timeout 30m -count 1 ./faasmrun/e2e

.PHONY: race
race: build ## the tests of the concurrent packages under the race detector (needs gcc)
	CGO_ENABLED=1 $(GO) test -race -timeout 30m ./scheduler/... ./worker/... ./mpi/...

MINUTES ?= 30
SEED ?= 1
.PHONY: soak
soak: build ## kills, stops, cuts, reboots and lost states under batch and interactive jobs, for MINUTES, from SEED
	bin/faasmrun toolchain install
	FAASMRUN_SOAK_MINUTES=$(MINUTES) FAASMRUN_SOAK_SEED=$(SEED) $(GO) test -timeout $$(($(MINUTES) + 30))m -count 1 -v -run '^TestKills$$' ./faasmrun/e2e

ROUNDS ?= 20000
.PHONY: soak-mpi
soak-mpi: ## everything that MPI makes and lets go of, ROUNDS times, with an eye on memory
	$(GO) test -timeout 2h -count 1 -v -run '^TestSoak$$' ./mpi -soak $(ROUNDS)

.PHONY: away
away: ## MPI with its ranks in two and three processes that share nothing, by links that break: all of it
	$(GO) test -timeout 1h -count 1 -v -run '^TestAway' ./mpi -away

.PHONY: fuzz
fuzz: build ## every fuzz target for 30 s
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep ^Fuzz); do \
			echo "$$package $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime 30s $$package || exit 1; \
		done; \
	done

.PHONY: fuzz-engines
fuzz-engines: setup ## random programs on both engines, for MINUTES, from SEED: results, traps, memory, counted
	FAASMRUN_FUZZ_MINUTES=$(MINUTES) FAASMRUN_FUZZ_SEED=$(SEED) $(GO) test -timeout $$(($(MINUTES) + 30))m -count 1 -v -run '^TestDifferential$$' ./worker/engine

.PHONY: large
large: build ## a rank of 12 GiB, messages and collectives of more than 4 GiB (takes 9 GiB of memory)
	bin/faasmrun toolchain install
	FAASMRUN_LARGE=1 $(GO) test -timeout 60m -count 1 -v -run '^TestLarge$$' ./faasmrun/e2e

.PHONY: spec
spec: setup ## the WebAssembly specification's tests on both engines, whole, with figures (needs clang)
	FAASMRUN_SPEC=all $(GO) test -timeout 2h -count 1 -v -run '^TestSpec$$' ./worker/engine/wazero ./worker/engine/native

.PHONY: bench
bench: build ## beside Open MPI and libomp, by turns: messages, collectives, kernels, constructs; into docs/benchmarks.md (8 minutes)
	$(GO) test -timeout 30m -v -run '^TestBeside' ./faasmrun/e2e -beside $$PWD/docs/benchmarks.md

.PHONY: bench-go
bench-go: build ## Go benchmarks of every package
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: generate
generate: setup ## generated code, from the .proto (needs protoc)
	$(GO) build -o bin/protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go
	$(GO) build -o bin/protoc-gen-go-grpc google.golang.org/grpc/cmd/protoc-gen-go-grpc
	PATH=$$PWD/bin:$$PATH protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative \
		scheduler/schedpb/faasmrun.proto mpi/state/statepb/state.proto

.PHONY: verify
verify: setup ## formatting, columns, words, and that generated code and go.mod are what their sources give
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) test -count 1 -run '^TestColumns$$' ./faasmrun/e2e
	$(GO) mod tidy -diff
	$(MAKE) generate
	git diff --exit-code -- scheduler/schedpb mpi/state/statepb

.PHONY: fmt
fmt: setup ## gofmt over the tree
	$(dir $(GO))gofmt -w $$(git ls-files '*.go')
