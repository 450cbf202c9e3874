# One door for everything: `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
GO ?= go
export CGO_ENABLED = 0
BIN := bin/faasmrun

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.PHONY: build
build: ## bin/faasmrun, with the compiler's other names beside it
	@mkdir -p bin
	$(GO) build -trimpath -o $(BIN) ./faasmrun
	@for name in faasmcc faasmc++ mpicc mpicxx; do ln -sf faasmrun bin/$$name; done

.PHONY: generate
generate: ## generated code, from the .proto
	$(GO) build -o bin/protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go
	$(GO) build -o bin/protoc-gen-go-grpc google.golang.org/grpc/cmd/protoc-gen-go-grpc
	PATH=$$PWD/bin:$$PATH protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative \
		scheduler/schedpb/faasmrun.proto

.PHONY: fmt
fmt: ## gofmt over the tree
	gofmt -w $$(git ls-files '*.go')
