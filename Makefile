# Anthill's commands. `make` alone lists them.
GO ?= go
PY ?= python3
TESTENV ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/anthill/test-env
# Nothing here needs a C compiler.
export CGO_ENABLED = 0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.PHONY: help
help: ## list these commands
	@grep -E '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: bin
bin: ## build bin/anthill
	$(GO) build -trimpath -ldflags "-s -w -X anthill/server.Version=$(VERSION)" -o bin/anthill ./cmd/anthill

.PHONY: lab
lab: bin ## the main job: the course's experiments, end to end, and lab-report/report.html
	bin/anthill lab

.PHONY: test
test: bin test-env ## every test: the rooms, the house, the real clients (under 15 minutes)
	$(GO) vet ./...
	$(GO) test ./...
	PATH="$(TESTENV)/bin:$$PATH" ANTHILL_BIN="$(CURDIR)/bin/anthill" $(TESTENV)/bin/python -m pytest -q test/clients

.PHONY: check
check: ## the quick part of test: format, vet, rooms and house
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) test -short ./...

.PHONY: test-env
test-env: $(TESTENV)/.ready ## the real clients that the tests drive (boto3, AWS CLI, Locust), from PyPI, once

$(TESTENV)/.ready: test/requirements.txt
	@echo "preparing the test environment in $(TESTENV) (about a minute, once)"
	rm -rf $(TESTENV) && $(PY) -m venv $(TESTENV)
	$(TESTENV)/bin/pip install -q --disable-pip-version-check -r test/requirements.txt
	touch $@

.PHONY: conformance
conformance: bin test-env ## replay AWS's recorded answers, when ../shared is there; fails when a case that passed stops passing
	PATH="$(TESTENV)/bin:$$PATH" $(TESTENV)/bin/python test/conformance/run.py

.PHONY: bench
bench: ## the benchmarks of the rooms, each beside its floor
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: vm
vm: ## isolation and limits on Debian's kernel, in every layout of control groups, in virtual machines: needs apt and qemu, and takes minutes with KVM and an hour without
	$(GO) run ./test/vm

.PHONY: race
race: ## the rooms' tests under the race detector (needs a C compiler; ten minutes and more)
	CGO_ENABLED=1 $(GO) test -race -timeout 30m ./...

.PHONY: fuzz
fuzz: ## every fuzz target for some seconds: make fuzz FUZZTIME=1m, or ROOM=value for those of one room
	@failed=; for file in $$(grep -rl --include='*_test.go' '^func Fuzz' ./$(ROOM)); do \
	  for name in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\)(.*/\1/p' $$file); do \
	    echo "== $$(dirname $$file) $$name"; \
	    $(GO) test $$(dirname $$file) -run '^$$' -fuzz "^$$name$$" -fuzztime $(or $(FUZZTIME),10s) -parallel $(or $(PARALLEL),2) || failed="$$failed $$(dirname $$file):$$name"; \
	  done; done; test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

.PHONY: sim
sim: ## the simulation of the whole engine over many more seeds: make sim SEEDS=20000 FROM=1000, or SEED=4711 to replay one
	$(GO) test ./test/sim -run TestSimulation -count 1 -timeout 6h -v -seeds $(or $(SEEDS),10000) -from $(or $(FROM),$(shell date +%s)) $(if $(SEED),-seed $(SEED))

.PHONY: soak
soak: bin test-env ## ten minutes of load with a verdict on memory, then five minutes of kill -9 (SOAK_SECONDS and KILL_SECONDS change that)
	PATH="$(TESTENV)/bin:$$PATH" ANTHILL_BIN="$(CURDIR)/bin/anthill" SOAK_SECONDS=$(SOAK_SECONDS) $(TESTENV)/bin/python test/soak.py
	PATH="$(TESTENV)/bin:$$PATH" ANTHILL_BIN="$(CURDIR)/bin/anthill" KILL_SECONDS=$(or $(KILL_SECONDS),300) $(TESTENV)/bin/python -m pytest -q -s test/clients/test_kill_load.py

.PHONY: gen
gen: ## write api/*/wire_gen.go from the service models, and docs/compatibility.md
	$(GO) run ./internal/awsgen
	$(GO) run ./cmd/anthill compatibility > docs/compatibility.md
