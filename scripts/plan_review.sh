#!/usr/bin/env bash
# What a change of terraform/ means, as Markdown in .run/plan-review/review.md: `make plan-review`.
#
#   scripts/plan_review.sh              this work tree against the branch point from main
#   scripts/plan_review.sh COMMIT       this work tree against another commit
#   scripts/plan_review.sh PLAN.json    a plan that is there already
#
# No account is needed: the emulated AWS gets the older configuration applied, and the newer one is
# planned against it. So it is safe for a pull request from a fork, whose plan may run code of its own
# (an `external` data source, a provisioner): there is nothing here that it could take.
#
# A change that touches none of what the review reads is not planned: the check of a pull request is
# required, so it always runs, and mostly has nothing to say.
#
# Exit code 1: the plan breaks a rule of policy/ or holds a secret. 69: Terraform cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=.run/plan-review
work=$scratch
mkdir -p "$work"
# shellcheck source=scripts/terraform-lib.sh
. scripts/terraform-lib.sh

review() {
  local status=0
  cargo run --quiet --locked -p ops -- plan-review "$1" --output "$scratch/review.md" || status=$?
  cat "$scratch/review.md"
  return "$status"
}
trap 'emulator_stop "$scratch/emulator"' EXIT

if [[ ${1:-} == *.json ]]; then
  review "$1"
  exit
fi

output() { [ -z "${GITHUB_OUTPUT:-}" ] || printf '%s\n' "$1" >>"$GITHUB_OUTPUT"; }
base=${1:-$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse HEAD)}
if [ -z "$(git diff --name-only "$base" -- terraform policy ops/src/plan_review 'services/*/openapi.json'; git ls-files --others --exclude-standard -- terraform policy 'services/*/openapi.json')" ]; then
  printf '%s\n' '<!-- plan review -->' '## ⚪ Plan review: nothing changes' '' "No file of terraform/ or policy/, and no document of a service, differs from $base." >"$scratch/review.md"
  cat "$scratch/review.md"
  output changed=false
  exit
fi
output changed=true
find_provider
[ -n "$missing" ] || find_python terraform/emulator/requirements.txt
# shellcheck disable=SC2154 # the two set it
[ -z "$missing" ] || { echo "SKIPPED: plan-review: $missing"; exit 69; }

rm -rf "$scratch/base" "$scratch/old" "$scratch/new"
mkdir -p "$scratch/base"
emulator_start "$scratch/emulator"
# Nobody's key, and a hosted zone of the emulator's in place of the example's.
export TF_VAR_api_keys
TF_VAR_api_keys=$(key_map review:not-a-key-of-anybody)
zone=$(probe zone example.com)
variables=(-input=false -no-color -compact-warnings -var-file=terraform.tfvars.example)
own_zone() { sed -i "s/Z0123456789EXAMPLE/$zone/" "$1/terraform.tfvars.example"; }

ready terraform "$scratch/new"
own_zone "$scratch/new"
if git archive "$base" terraform services 2>/dev/null | tar -x -C "$scratch/base" 2>/dev/null; then
  echo "applying terraform/ of $base to the emulated AWS" >&2
  ready "$scratch/base/terraform" "$scratch/old"
  own_zone "$scratch/old"
  tf "$scratch/old" apply -auto-approve "${variables[@]}" >"$scratch/apply.log" 2>&1 || { tail -n 40 "$scratch/apply.log" >&2; exit 1; }
  cp "$scratch/old/terraform.tfstate" "$scratch/new/"
else
  echo "$base has no terraform/: everything is new" >&2
fi
tf "$scratch/new" plan -refresh=false -out=plan "${variables[@]}" >"$scratch/plan.log" 2>&1 || { tail -n 40 "$scratch/plan.log" >&2; exit 1; }
tf "$scratch/new" show -json plan >"$scratch/plan.json"
review "$scratch/plan.json"
