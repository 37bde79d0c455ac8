#!/usr/bin/env bash
# Writes target/plan.json: the plan of the real root, offline, as the alarm tests read it.
#
# It is the plan of the run `stack` in terraform/tests/observability.tftest.hcl: the mocked provider answers there what AWS
# would (the load balancer's suffix, the topics' ARNs), so that what refers to them can be seen to refer to the right one.
# Exit code 69 and one line `SKIPPED: plan: reason` when Terraform or the provider cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-target/plan.json}
# Not the directory in which the tests of terraform/ may be at work.
work=.run/plan-json
mkdir -p "$work"

# shellcheck source=scripts/terraform-lib.sh
. scripts/terraform-lib.sh

find_provider
# shellcheck disable=SC2154 # find_provider sets it
[ -z "$missing" ] || { echo "SKIPPED: plan: $missing"; exit 69; }
TF_VAR_api_keys=$(key_map offline-test-key) tf "$work/provider" test -json -verbose -var-file=terraform.tfvars.example -filter=tests/observability.tftest.hcl >"$work/test.jsonl" || true
mkdir -p "$(dirname "$out")"
if ! grep -m 1 '"@testrun":"stack".*"type":"test_plan"' "$work/test.jsonl" >"$out.new"; then
  grep '"@level":"error"' "$work/test.jsonl" >&2 || tail -n 5 "$work/test.jsonl" >&2
  echo "no plan came out of terraform test" >&2
  exit 1
fi
mv "$out.new" "$out"
