# Watchword's one entry point. `make help` lists the targets; nothing needs to be installed by hand but Go, git and make.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-builtin-rules

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
IMAGE   ?= watchword:$(VERSION)
PKG     ?= ./...
LDFLAGS := -s -w -X main.version=$(VERSION)

# Every tool is a Go module of its own, built once per content of its folder into bin/tools/<tool>-<key>.
tool_key = $(shell cat /dev/null $(sort $(wildcard internal/tools/$(1)/go.* internal/tools/$(1)/*.go)) | sha256sum | cut -c1-12)
tool     = bin/tools/$(1)-$(call tool_key,$(1))

CONTROLLER_GEN := $(call tool,controller-gen)
KUSTOMIZE      := $(call tool,kustomize)
CRD_REF_DOCS   := $(call tool,crd-ref-docs)
GOLANGCI_LINT  := $(call tool,golangci-lint)
GOVULNCHECK    := $(call tool,govulncheck)

##@ General

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' Makefile

.PHONY: clean
clean: ## Remove what was built, but keep the control plane and the tools (see clean-all)
	rm -rf bin/watchword bin/watchword-agent bin/kubectl-watchword bin/demo bin/bench.json bin/test

.PHONY: clean-all
clean-all: ## Remove bin/ whole: the next test compiles Kubernetes again (minutes)
	rm -rf bin

##@ Build

.PHONY: build
build: ## Build the binaries into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

.PHONY: image
image: ## Build the container image (needs docker): IMAGE=name:tag
	docker build --build-arg VERSION=$(VERSION) -t $(IMAGE) .

.PHONY: controlplane
controlplane: ## Compile kube-apiserver, kube-controller-manager, kubectl and etcd, once per version
	@$(GO) run ./test/controlplane/cmd/controlplane build

##@ Generate

.PHONY: generate
generate: generate-api generate-docs ## Regenerate everything that is generated

.PHONY: generate-api
generate-api: $(CONTROLLER_GEN) ## DeepCopy functions in api/ and CRDs in config/crd/bases
	@rm -rf bin/generate && mkdir -p bin/generate config/crd/bases
	$(CONTROLLER_GEN) object paths=./api/...
	$(CONTROLLER_GEN) crd paths=./api/... output:crd:dir=bin/generate
	@rm -f config/crd/bases/*.yaml && cp bin/generate/*.yaml config/crd/bases/

.PHONY: generate-docs
generate-docs: $(CRD_REF_DOCS) ## API reference in docs/reference/api.md
	@mkdir -p docs/reference
	$(CRD_REF_DOCS) --source-path=api --config=internal/tools/crd-ref-docs/config.yaml --renderer=markdown \
		--output-path=docs/reference/api.md --log-level=WARN
	@grep -q "^#### Realm$$" docs/reference/api.md || { echo "generate-docs: found no kinds in api/" >&2; exit 1; }

##@ Check

.PHONY: fmt
fmt: ## Format the Go code
	gofmt -s -w $(GO_DIRS)

.PHONY: vet
vet: ## go vet, integration tests included
	$(GO) vet -tags integration ./...
	$(GO) -C $(PARTIES) vet ./...

.PHONY: lint
lint: $(GOLANGCI_LINT) ## golangci-lint with kube-api-linter
	$(GOLANGCI_LINT) run ./...
	cd $(PARTIES) && $(CURDIR)/$(GOLANGCI_LINT) run --config $(CURDIR)/.golangci.yml ./...

GENERATED := api config/crd/bases docs/reference/api.md

.PHONY: verify
verify: generate $(KUSTOMIZE) ## Generated files and go.mod are up to date, code is formatted, kustomizations build
	@test -z "$$(git status --porcelain -- $(GENERATED))" || { git status --short -- $(GENERATED); \
		git --no-pager diff -- $(GENERATED); echo "verify: run 'make generate' and commit the result" >&2; exit 1; }
	@unformatted=$$(gofmt -s -l $(GO_DIRS)); test -z "$$unformatted" || { echo "$$unformatted"; \
		echo "verify: run 'make fmt' and commit the result" >&2; exit 1; }
	$(GO) mod tidy -diff
	$(GO) -C $(PARTIES) mod tidy -diff
	$(GO) mod verify
	@for k in $$(grep -rl --include=kustomization.yaml "^kind: Kustomization" config | xargs -n1 dirname | sort); do echo "kustomize build $$k"; $(KUSTOMIZE) build $$k >/dev/null; done

.PHONY: vulncheck
vulncheck: $(GOVULNCHECK) ## Known vulnerabilities in what is compiled in (asks vuln.go.dev)
	$(GOVULNCHECK) ./...

##@ Test

.PHONY: test
test: cgo controlplane ## Every test but integration, with the race detector, against a real kube-apiserver; PKG=./api/... for some
	$(GO) test -json -race -shuffle=on -timeout=20m $(PKG) | $(GO) run ./test/summary

.PHONY: test-integration
test-integration: cgo controlplane ## Tests that need other software: build tag integration, named TestIntegration…
	@packages=$$(grep -rl --include='*_test.go' '^//go:build.*integration' $(GO_DIRS) | xargs -r -n1 dirname | sort -u | sed 's|^|./|') || true; \
	if [ -z "$$packages" ]; then echo "there are no integration tests yet"; exit 0; fi; \
	$(GO) test -json -race -tags=integration -timeout=20m -run='^TestIntegration' $$packages | $(GO) run ./test/summary

.PHONY: bench
bench: build controlplane ## Measure against a bare net/http server; writes bin/bench.json
	$(GO) run ./test/bench

.PHONY: demo
demo: build controlplane ## The whole story on this machine; KEEP=1 leaves it running
	@$(GO) run ./test/demo $(if $(KEEP),-keep)

.PHONY: cgo
cgo:
	@test "$$($(GO) env CGO_ENABLED)" = 1 && command -v "$$($(GO) env CC | cut -d' ' -f1)" >/dev/null || { \
		echo "The race detector needs a C compiler: apt-get install gcc libc6-dev" >&2; exit 1; }

# Tools ---------------------------------------------------------------------------------------------------------------

GO_DIRS = $(wildcard api cmd controllers internal test)
# A module of its own: what relying parties of others need is not what Watchword needs.
PARTIES = test/relyingparties/golang

$(CONTROLLER_GEN) $(KUSTOMIZE) $(CRD_REF_DOCS) $(GOVULNCHECK): bin/tools/%:
	@name=$*; name=$${name%-*}; echo "building $$name"; rm -f bin/tools/$$name-*; \
	CGO_ENABLED=0 $(GO) -C internal/tools/$$name build -trimpath -buildvcs=false -ldflags '-s -w' -o $(CURDIR)/$@ tool

$(GOLANGCI_LINT):
	@echo "building golangci-lint (minutes, once)"; rm -f bin/tools/golangci-lint-*; \
	CGO_ENABLED=0 $(GO) -C internal/tools/golangci-lint build -trimpath -buildvcs=false -ldflags '-s -w' -o $(CURDIR)/$@ .
