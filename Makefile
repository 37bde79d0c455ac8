# sum-api: `make` alone explains the targets.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help up down test

help: ## Explain the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Start the API and the sidecar as plain processes, wait until ready, print the curl to try
	@scripts/up.sh

down: ## Stop what `make up` started, and nothing else
	@scripts/down.sh

test: ## Run every test and proof; say what was skipped and why (STEPS="api contract" runs those only)
	@scripts/test.sh $(STEPS)
