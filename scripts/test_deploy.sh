#!/usr/bin/env bash
# A deployment from plan to rollback by scripts/deploy.sh, against the emulated AWS: what the workflow
# cannot show until it runs. About three minutes. Counts like every test script here.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=.run/test-deploy
work=$scratch
mkdir -p "$work"
# shellcheck source=scripts/terraform-lib.sh
. scripts/terraform-lib.sh

trap 'emulator_stop "$scratch/emulator"' EXIT

find_provider
[ -n "$missing" ] || find_python terraform/emulator/requirements.txt
# shellcheck disable=SC2154 # the two set it
[ -z "$missing" ] || { skip deploy "$missing"; echo "0 passed, 0 failed, $skipped skipped"; exit 0; }

image() { printf '123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/%s@sha256:%s' "$1" "$(printf "$2%.0s" $(seq 64))"; }
# deploy COMMAND: one step as the workflow runs it; what it hands on is in $scratch/output.
deploy() {
  : >"$scratch/output"
  GITHUB_OUTPUT=$PWD/$scratch/output GITHUB_STEP_SUMMARY=$PWD/$scratch/summary scripts/deploy.sh "$@"
}
given() { sed -n "s/^$1=//p" "$scratch/output"; }
refused() { ! "$@"; }
exits() { local want=$1 status=0; shift; "$@" || status=$?; [ "$status" -eq "$want" ] || { echo "exit code $status"; return 1; }; }
equal() { [ "$1" = "$2" ] || { printf 'expected %s\nfound    %s\n' "$1" "$2"; return 1; }; }

emulator_start "$scratch/emulator"
rm -rf "$scratch/root"
ready terraform "$scratch/root"
# Commits that somebody makes meanwhile are another change.
export GITHUB_SHA=0000000000000000000000000000000000000000
export DEPLOY_ROOT=$scratch/root TF_VAR_api_key=test:a-key-that-is-only-a-test
TF_VARS=$(grep -vE '^(api_image|nginx_image|zone_id) ' terraform/terraform.tfvars.example; printf 'zone_id = "%s"\n' "$(probe zone example.com)")
export TF_VARS
TF_VAR_api_image=$(image api 1) TF_VAR_nginx_image=$(image nginx 2)
export TF_VAR_api_image TF_VAR_nginx_image

check 'the first plan is reviewed and passes' deploy plan
first=$(given fingerprint)
check 'its summary opens with the verdict' grep -q '^## 🟢 Plan review' "$scratch/summary"
check 'the same plan made again has the same fingerprint' deploy plan
check 'fingerprints are equal' equal "$first" "$(given fingerprint)"
check 'nothing is applied without a review' exits 64 deploy apply
export REVIEWED=0000
check 'another plan than the reviewed one is refused' exits 1 deploy apply
export REVIEWED=$first
check 'the reviewed plan is applied' deploy apply
check 'the address is handed on' equal https://sum.example.com "$(given url)"
check 'what runs is what was given' equal "$TF_VAR_api_image $TF_VAR_nginx_image" "$(scripts/deploy.sh images | paste -sd ' ')"
check 'the applied plan does not apply twice' exits 1 deploy apply
check 'no drift after an apply' deploy drift

TF_VAR_api_image=$(image api 3)
check 'a new image is planned' deploy plan
REVIEWED=$(given fingerprint)
check 'a new image is applied' deploy apply
PREVIOUS=$(given previous)
export PREVIOUS
check 'the apply says what ran before' equal "$(image api 1) $(image nginx 2)" "$PREVIOUS"
check 'the old image comes back' deploy rollback
check 'and is what runs' equal "$(image api 1)" "$(scripts/deploy.sh images | head -n 1)"
check 'no way back before the first deployment' exits 69 env PREVIOUS= scripts/deploy.sh rollback

TF_VARS=${TF_VARS/api_key_version = 1/api_key_version = 2}
check 'going back touches nothing but images' exits 1 env "PREVIOUS=$TF_VAR_api_image $TF_VAR_nginx_image" scripts/deploy.sh rollback
check 'a difference is drift' exits 2 deploy drift
check 'a plan that breaks a rule does not pass' exits 1 env "TF_VARS=$(printf '%s\n' "$TF_VARS" | sed 's/^environment .*/environment = "live"/')" scripts/deploy.sh plan

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
