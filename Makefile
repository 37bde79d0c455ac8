# `make` alone explains the targets. SERVICE is the folder of a service below services/; this is its only default, so that
# the first command of the README works as it stands.
SHELL := bash
.DEFAULT_GOAL := help
export SERVICE ?= sum
.PHONY: help service generate up down test lint test-containers plan plan-review rollback rehearse drill reproducible bench diagram github-setup page-test

help: ## Explain the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

service: ## Make a new service below services/ (NAME=…)
	@cargo run --quiet --locked -p ops -- service create "$$NAME"

generate: ## Write again what the documents decide: docker-compose.yaml, terraform/services.tf, nginx.conf of each service
	@cargo run --quiet --locked -p ops -- service generate

up: ## Start a service and its sidecar as plain processes, wait until ready, print the curl to try (SERVICE=…)
	@scripts/up.sh

down: ## Stop what `make up` started for that service, and nothing else
	@scripts/down.sh

test: ## Run every test and proof; say what was skipped and why (STEPS="api contract" runs those only)
	@cargo xtask test $(STEPS)

lint: ## Run every static check (installs the pinned tools into .tools/)
	@cargo xtask lint

test-containers: ## Build both images of a service and run the black-box tests against the composed stack (SERVICE=…)
	@cargo xtask containers

plan: ## Write plan.txt from the real provider
	@cargo xtask terraform plan

plan-review: ## Say what the change of terraform/ means (.run/plan-review/review.md; BASE=commit to compare with)
	@cargo xtask plan-review $(BASE)

rollback: ## Return to the last good images without a build (API_DIGEST=sha256:… NGINX_DIGEST=sha256:… for others)
	@scripts/deploy.sh rollback

github-setup: ## Configure environments, variables, secrets and branch rules on GitHub (REVIEWERS=login,ORG/TEAM)
	@cargo run --quiet --locked -p ops -- github setup

page-test: ## Send a test page, and say who is subscribed (ENVIRONMENT=…)
	@cargo run --quiet --locked -p ops -- page test

rehearse: ## Apply to an emulated AWS, run the registered task, deploy and rotate keys under load (SERVICE=…)
	@scripts/rehearse.sh

drill: ## Inject the runbook's incidents one after another and watch them recognised and mended (SERVICE=…)
	@scripts/rehearse.sh drill

reproducible: ## Build the binary of a service twice, in two places, and compare (SERVICE=…)
	@cargo xtask reproducible

bench: ## Measure sum-api and the sidecar beside their peers; writes docs/performance.md
	@scripts/bench.sh

diagram: ## Draw arch_diagram.png and docs/terraform_graph.png
	@scripts/diagram.sh
