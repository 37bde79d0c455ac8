# `make` without a target explains the targets. SERVICE is the folder of a service below services/. This is its only default:
# the first command of the README works without it.
SHELL := bash
.DEFAULT_GOAL := help
export SERVICE ?= sum
# The program `ops`. Name a compiled binary to avoid Cargo.
OPS ?= cargo ops
.PHONY: help service generate up down test soak lint test-containers plan plan-review aws-bootstrap aws-deploy aws-destroy promote rollback status logs github-setup page-test rehearse drill reproducible bench diagram

help: ## Explain the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

service: ## Make a new service below services/ (NAME=…)
	@$(OPS) service create "$$NAME"

generate: ## Write what is generated from the documents: docker-compose.yaml, terraform/services.tf, nginx.conf of each service
	@$(OPS) service generate

up: ## Start a service and its sidecar as plain processes, wait until ready, print the curl to try (SERVICE=…)
	@scripts/up.sh

down: ## Stop what `make up` started for that service, and nothing else
	@scripts/down.sh

test: ## Run every test and check; list the skips and their reasons (STEPS="api contract" runs only these)
	@cargo xtask test $(STEPS)

soak: ## Search for defects of `tasks` for a long time: random faults, larger models, random sequences (FAULT_SECONDS=1800 FAULT_SEED=…)
	@FAULT_SECONDS=$${FAULT_SECONDS:-1800} MODEL_LARGE=1 SEQUENCES=$${SEQUENCES:-1000} cargo test --package tasks \
		--test process --test model --test store -- --nocapture random_faults checks sequences

lint: ## Run every static check (installs the pinned tools into .tools/)
	@cargo xtask lint

test-containers: ## Build both images of a service and run the black-box tests against the composed stack (SERVICE=…)
	@cargo xtask containers

plan: ## Write plan.txt from the real provider
	@cargo xtask terraform plan

plan-review: ## Review the changes of terraform/ (.run/plan-review/review.md; BASE=commit to compare with)
	@cargo xtask plan-review $(BASE)

aws-bootstrap: ## Create state, roles and image repositories in AWS, and register an environment (ENVIRONMENT=…)
	@$(OPS) deploy bootstrap

aws-deploy: ## Build, push, plan, review, confirm, apply and call a service in AWS (SERVICE=… ENVIRONMENT=…)
	@$(OPS) deploy service

aws-destroy: ## Destroy an environment in AWS (ENVIRONMENT=…; BOOTSTRAP=true for state, roles and images too)
	@$(OPS) deploy destroy

promote: ## Deploy the images of another environment, by digest (FROM=staging TO=production)
	@$(OPS) deploy promote

rollback: ## Deploy the last good images without a build (API_DIGEST=sha256:… NGINX_DIGEST=sha256:… for others)
	@$(OPS) deploy rollback

status: ## Show a service in AWS: deployments, tasks, targets, alarms (SERVICE=… ENVIRONMENT=…)
	@$(OPS) deploy status

logs: ## Print the log of a service in AWS (SINCE=2h FILTER='{ $$.status >= 500 }' FOLLOW=true)
	@$(OPS) deploy logs

github-setup: ## Configure environments, variables, secrets and branch rules on GitHub (REVIEWERS=login,ORG/TEAM)
	@$(OPS) github setup

page-test: ## Send a test page and list the subscribers (ENVIRONMENT=…)
	@$(OPS) page test

rehearse: ## Apply to an emulated AWS, run the registered task, deploy and rotate keys under load (SERVICE=…)
	@scripts/rehearse.sh

drill: ## Cause each incident of the runbook; check that its alarm fires and that its procedure works (SERVICE=…)
	@scripts/rehearse.sh drill

reproducible: ## Build the binary of a service twice, in two folders, and compare (SERVICE=…)
	@cargo xtask reproducible

bench: ## Measure sum-api and the sidecar side by side with their peers; write docs/performance.md
	@scripts/bench.sh

diagram: ## Draw arch_diagram.png and docs/terraform_graph.png
	@scripts/diagram.sh
