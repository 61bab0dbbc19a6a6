# What a developer does with Vitrine, one word each. Variables given as `make run PORT=8765` or in the environment
# reach what runs by themselves: make passes both on.
PYTHON ?= python3
RUN := .venv/bin
INSTALL = @$(PYTHON) .ci/install.py
# For what must not depend on the services that this shell happens to name, nor on a shop that `make run` runs: an
# empty variable is an absent one, and yet says which shop is meant (core.management.running).
EMBEDDED := env DATABASE_URL= CELERY_BROKER_URL= CACHE_URL= VAR_DIR=$(VAR_DIR)
# Compiled modules are kept whatever the shell says: compiling the project anew is half of what starting pytest costs.
PYTEST := env PYTHONDONTWRITEBYTECODE= $(RUN)/python -m pytest
PARALLEL := -n auto --maxprocesses 8 --dist worksteal
COMPILE = $(CURDIR)/$(RUN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header
# base.txt first: the others are constrained by it.
SETS := base production dev
COMPOSE := docker compose --file docker/compose.yaml
# Compose reads the choice from docker/.env, where docker/env.sh has written it.
unexport STOREFRONT
REVISION ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
export REVISION

.DEFAULT_GOAL := help
.PHONY: help run test test-all coverage mutation test-mysql fuzz test-browser test-worker bench-search bench-relevance lint style types arrows migrations schema-current pins deployable \
	storefront storefront-build storefront-checks format schema requirements clean base dev production scan up down logs backup restore chaos image test-image audit bench-graphql bench-images secrets known-secrets

##@ Start

help: ## this list
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Variables: make run PORT=8765 VAR_DIR=var2 DATABASE_URL=mysql://… ; every setting is in docs/settings.md"

# Open, so that the first look needs no sign-in. `make run CATALOG_PUBLIC=0` is closed, as production is.
run: export DEBUG = 1
run: export CATALOG_PUBLIC := $(or $(CATALOG_PUBLIC),1)
run: $(if $(filter mysql%,$(DATABASE_URL)),production,base) ## Vitrine on this machine: installs, migrates, seeds, serves
	@exec $(RUN)/python manage.py serve

storefront: ## the example storefront on port 5173, beside `make run` in another terminal; VITE_VITRINE_URL=http://… asks another shop
	@exec $(PYTHON) .ci/storefront.py serve

storefront-build: ## the same as files in examples/storefront/dist/, for any web server
	@$(PYTHON) .ci/storefront.py build

clean: ## removes what was installed or cached; your data in var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	cd examples/storefront && rm -rf node_modules dist src/gql
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Change the code

format: dev ## lays the code out and fixes what ruff can
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

lint: style types arrows migrations schema-current pins deployable secrets storefront-checks ## all that must hold besides the tests: types, migrations (made, and safe) …

style types arrows migrations schema-current schema: export DEBUG = 1

style: dev
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .

types: dev
	$(EMBEDDED) $(RUN)/mypy .

arrows: dev
	$(EMBEDDED) $(RUN)/lint-imports

migrations: dev
	$(EMBEDDED) $(RUN)/python manage.py makemigrations --check --dry-run
	$(EMBEDDED) LOG_LEVEL=WARNING $(RUN)/python .ci/lint_migrations.py

schema-current: dev
	$(EMBEDDED) $(RUN)/python manage.py graphql_schema --out .venv/schema.graphql
	@diff -u schema.graphql .venv/schema.graphql || { echo "schema.graphql is not what the code says: make schema"; exit 1; }

pins: dev
	@rm -rf .venv/pins && mkdir .venv/pins && cp requirements/*.in requirements/*.txt .venv/pins
	cd .venv/pins && for set in $(SETS); do $(COMPILE) $$set.in -o $$set.txt || exit 1; done
	@for file in $(SETS:%=%.txt); do diff -u requirements/$$file .venv/pins/$$file || \
		{ echo "requirements/$$file does not follow from its .in file: make requirements"; exit 1; }; done

# The settings of a production start: whatever Django's own deployment check says is an error.
deployable: dev
	$(EMBEDDED) DEBUG= SECRET_KEY=$$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n') JWT_SECRET_KEY=$$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n') \
		ALLOWED_HOSTS=example.com SITE_URL=https://example.com EMAIL_URL=smtp://mail.example.com $(RUN)/python manage.py check --deploy --fail-level WARNING

# Words such as password in the code are ruff's to judge (S105 to S107); this looks for keys, tokens and URLs with passwords.
SECRETS := --disable-plugin KeywordDetector --exclude-files '^(requirements/|examples/storefront/(package-lock|persisted-documents).json|docker/mail/requirements.txt|core/static/graphiql/)'

secrets: dev
	@git ls-files -z | grep -zv '^.ci/secrets.json$$' | xargs -0 $(RUN)/detect-secrets-hook --baseline .ci/secrets.json $(SECRETS)

storefront-checks:
	@$(PYTHON) .ci/storefront.py check

schema: dev ## writes schema.graphql from the code
	$(EMBEDDED) $(RUN)/python manage.py graphql_schema --out schema.graphql

requirements: dev ## pins again after a change of a .in file; ARGS=--upgrade takes the newest
	cd requirements && for set in $(SETS); do $(COMPILE) $(ARGS) $$set.in -o $$set.txt || exit 1; done

known-secrets: dev ## writes down what `make scan` finds as examples that are none: look at the difference
	@git ls-files -z | grep -zv '^.ci/secrets.json$$' | xargs -0 $(RUN)/detect-secrets scan --slim $(SECRETS) >.ci/secrets.new
	@mv .ci/secrets.new .ci/secrets.json

##@ Test it

test: dev ## the quick tests on SQLite; ARGS="-k search" picks
	$(EMBEDDED) $(PYTEST) $(PARALLEL) $(ARGS)

test-all: dev ## the slow tests too, and four times the drawn examples
	$(EMBEDDED) THOROUGH=1 $(PYTEST) $(PARALLEL) -m "not browser and not mysql and not worker" $(ARGS)

coverage: dev ## which lines and branches the quick tests run; ARGS as for make test
	@rm -rf .venv/coverage && mkdir -p .venv/coverage
	$(EMBEDDED) $(PYTEST) $(PARALLEL) --cov --cov-report= $(ARGS)
	$(RUN)/coverage report

mutation: dev ## lines of FILE (cart/planning.py …) that could be wrong without a test failing; TESTS picks the tests
	@.ci/mutation "$(FILE)" $(TESTS)

test-mysql: ## all of these and those about MySQL, against DATABASE_URL=mysql://…
	@case "$$DATABASE_URL" in mysql*) ;; *) \
		echo "Which server? make test-mysql DATABASE_URL=mysql://root@127.0.0.1/vitrine (it makes test_vitrine and drops it)"; exit 2;; esac
	@$(MAKE) --no-print-directory dev production
	THOROUGH=1 $(PYTEST) $(PARALLEL) -m "not browser and not worker" $(ARGS)

test-worker: dev ## real workers: killed in a loop, rebuilding under load; on SQLite, or on DATABASE_URL and CELERY_BROKER_URL
	$(PYTEST) -m worker $(ARGS)

# The newest that was looked at; it finds what people with a screen reader or weak sight stumble over.
AXE := .venv/axe/node_modules/axe-core

$(AXE): | dev
	npm install --silent --no-fund --no-audit --prefix .venv/axe axe-core@4.14.1

test-browser: dev $(AXE) ## the pages in headless Chromium
	@command -v chromium chromium-browser google-chrome >/dev/null || { echo "No Chromium here: apt-get install chromium"; exit 2; }
	$(EMBEDDED) $(PYTEST) -n auto --maxprocesses 4 --dist loadfile -m browser $(ARGS)

fuzz: dev ## N=2000 documents for each field and executor, drawn from the schema and sent over HTTP
	$(EMBEDDED) FUZZED_EXAMPLES=$(or $(N),2000) $(PYTEST) core/tests/test_graphql_fuzzed.py $(PARALLEL) $(ARGS)

audit: dev ## the 61 audits of GraphQL over HTTP (npm graphql-http)
	@.ci/audit

# Strict: what cannot be asked about is an error too, not a pass.
scan: dev secrets ## known holes in what is installed, and secrets in what is committed
	@$(RUN)/pip-audit --strict --requirement requirements/production.txt --disable-pip --require-hashes 2>.venv/audit.log || { \
		cat .venv/audit.log >&2; ! grep -q '^ERROR' .venv/audit.log || echo "NOT AUDITED: pip-audit asks pypi.org/pypi/NAME/VERSION/json \
	about each package and had no answer (a mirror of packages alone has none). CI asks with every change." >&2; exit 1; }
	@$(PYTHON) .ci/storefront.py audit

test-image: ## the tests inside the image
	docker build --target test --tag vitrine:test . && docker run --rm vitrine:test

##@ Run it in Docker

up: ## the whole system in Docker, built and healthy; ARGS="--scale web=3"; STOREFRONT=1 serves the storefront, 0 no more
	@STOREFRONT=$(STOREFRONT) docker/storefront.sh build
	@STOREFRONT=$(STOREFRONT) docker/env.sh
	@# Built once, under the name by which all services know it; with IMAGE in docker/.env that one is pulled instead.
	$(COMPOSE) $(if $(shell grep -s '^IMAGE=' docker/.env),pull --ignore-buildable && $(COMPOSE) build mail,build)
	$(COMPOSE) up --no-build --detach --wait --wait-timeout 300 --remove-orphans $(ARGS)
	@STOREFRONT=$(STOREFRONT) docker/storefront.sh publish
	@$(COMPOSE) ps --format 'table {{.Service}}\t{{.Status}}\t{{.Ports}}'

down: ## stops it; the data stays (ARGS=--volumes removes it for good)
	$(COMPOSE) --profile '*' down --remove-orphans $(ARGS)

logs: ## what it says; ARGS=web picks
	$(COMPOSE) logs --follow --tail 100 $(ARGS)

backup: ## database, media and originals into backups/<time>/, while it runs
	@docker/backup.sh

restore: ## FROM=backups/<time> puts it back: what is there now is lost
	@docker/restore.sh "$(FROM)"

image: ## the Docker image alone
	docker build --build-arg REVISION=$(REVISION) --tag vitrine:latest .

chaos: dev ## mixed load on the composed system while its parts are killed; ARGS="--only redis mysql"
	$(RUN)/python -m bench.chaos $(ARGS)

##@ Measure it

bench-search: dev $(if $(filter mysql%,$(DATABASE_URL)),production) ## both search engines, N=10000,1000000 products; beside MySQL with DATABASE_URL=mysql://…/bench
	$(RUN)/python -m bench.search --sizes $(or $(N),10000,1000000) $(ARGS)

bench-relevance: dev $(if $(filter mysql%,$(DATABASE_URL)),production) ## how good a search answers: JUDGMENTS=file.csv (query, product, grade), CATALOGUE=products.csv; ARGS="--database --worst 20"
	$(RUN)/python -m bench.relevance $(if $(JUDGMENTS),"$(JUDGMENTS)") $(if $(CATALOGUE),--catalogue "$(CATALOGUE)") $(ARGS)

bench-graphql: dev $(if $(filter mysql%,$(DATABASE_URL)),production) ## requests a second beside Node, graphene-django, strawberry-django and a view by hand, cold documents, a mixed load, memory; DATABASE_URL=mysql://…; ARGS=--quick
	$(RUN)/python -m bench.graphql $(ARGS)

bench-images: dev ## images a second and ms an image by format, for 1 to N processes; IMAGES=folder
	$(EMBEDDED) DEBUG=1 $(RUN)/python -m bench.images $(IMAGES)

base dev production:
	$(INSTALL) $@
