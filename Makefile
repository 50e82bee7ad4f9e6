# make demo    the main job on the bundled example
# make test    all tests
# make build   bin/ferry, static
SHELL     := /bin/sh
GO        ?= go
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
COMMIT    := $(shell git rev-parse HEAD 2>/dev/null)
DATE      := $(shell git log -1 --format=%cI 2>/dev/null)
# The tag leaves out cli's own manual pages, and a Markdown parser with them.
TAGS      := urfave_cli_no_docs
LDFLAGS   := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
FUZZTIME  ?= 1m
# Programs and checks that are modules of their own.
MODULES   := examples/bench examples/interop
# The linters, pinned.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

export CGO_ENABLED ?= 0

.PHONY: build demo test oracle race lint vulncheck fuzz bench microbench interop dist e2e-zarf clean

build:
	$(GO) build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o bin/ferry ./cmd/ferry

demo: build
	@FERRY=$(CURDIR)/bin/ferry sh examples/lei-cache/demo.sh

test:
	$(GO) test -timeout 30m ./...
	@set -ex; for m in $(MODULES) zarf/schematest; do (cd $$m && $(GO) test ./...); done

# Our signatures before sigstore-go, which is large: a module of its own.
oracle:
	cd layout/signature/sigstoretest && $(GO) test ./...

race:
	CGO_ENABLED=1 $(GO) test -race -short -timeout 30m ./...

lint:
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo 'gofmt: run gofmt -w on the files above'; exit 1; }
	$(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod tidy -diff
	@set -ex; for m in $(MODULES); do (cd $$m && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./... && $(GO) mod tidy -diff); done

# Needs the vulnerability database, which not every host reaches.
vulncheck:
	$(GO) run $(GOVULNCHECK) ./...

# Every fuzz target for FUZZTIME.
fuzz:
	@set -e; for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$p; \
	  done; done

# Ten minutes on a machine that does nothing else. Neighbours on PATH take part.
bench: build
	cd examples/bench && PATH="$$(sh ../interop/tools)" $(GO) run . $(BENCHFLAGS)

# The benchmarks of the packages.
microbench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

dist:
	@rm -rf dist && mkdir dist
	@set -e; for p in $(PLATFORMS); do \
	  os=$${p%/*}; arch=$${p#*/}; ext=; [ $$os = windows ] && ext=.exe; \
	  out=dist/ferry-$$os-$$arch$$ext; echo $$out; \
	  GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o $$out ./cmd/ferry; \
	done
	@cd dist && { command -v sha256sum >/dev/null && sha256sum ferry-* || shasum -a 256 ferry-*; } > checksums.txt
	@cat dist/checksums.txt

# The neighbours against ferry and ferry against them: a table.
interop: build
	cd examples/interop && PATH="$$(sh tools)" $(GO) run . -o README.md $(INTEROPFLAGS)

# With a real zarf: ZARF=/path/to/zarf, or built once (ten minutes, 4 GB).
e2e-zarf: build
	FERRY=$(CURDIR)/bin/ferry sh zarf/e2e/run.sh

clean:
	rm -rf bin dist
