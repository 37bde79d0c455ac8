#!/usr/bin/env bash
# Deployments, rollbacks and a leaked key, by scripts/deploy.sh against the emulated AWS: what the
# workflows cannot show until they run. Took 14 minutes on two cores that were busy with other work, nearly all
# of it Terraform. Counts like every test script here.
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

export SERVICE=sum
image() { printf '123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/%s@sha256:%s' "$1" "$(printf "$2%.0s" $(seq 64))"; }
# deploy COMMAND: one step as the workflow runs it; what it hands on is in $scratch/output.
deploy() {
  : >"$scratch/output"
  GITHUB_OUTPUT=$PWD/$scratch/output GITHUB_STEP_SUMMARY=$PWD/$scratch/summary scripts/deploy.sh "$@"
}
given() { sed -n "s/^$1=//p" "$scratch/output"; }
refused() { ! "$@"; }
exits() { local want=$1 status=0; shift; "$@" || status=$?; [ "$status" -eq "$want" ] || { echo "exit code $status"; return 1; }; }
says() { local words=$1 status=0; shift; "$@" >"$scratch/said" 2>&1 || status=$?; cat "$scratch/said"; [ "$status" -ne 0 ] && grep -qF "$words" "$scratch/said"; }
# released IMAGE: plans and applies the API's image as the workflow does.
released() {
  export API_IMAGE=$1 NGINX_IMAGE
  NGINX_IMAGE=$(image nginx 2)
  deploy plan || return
  REVIEWED=$(given fingerprint)
  deploy apply
}
runs() { equal "api_image=$1"$'\n'"nginx_image=$(image nginx 2)" "$(scripts/deploy.sh images)"; }
parameter() { equal "SecureString $1" "$(probe parameter /sum-api/production/api-key)"; }
equal() { [ "$1" = "$2" ] || { printf 'expected %s\nfound    %s\n' "$1" "$2"; return 1; }; }

emulator_start "$scratch/emulator"
PATH=$PWD/$venv/bin:$PATH # the AWS CLI beside the emulator
rm -rf "$scratch/root"
ready terraform "$scratch/root"
# Commits that somebody makes meanwhile are another change.
export GITHUB_SHA=0000000000000000000000000000000000000000
export DEPLOY_ROOT=$scratch/root REVIEWED='' TF_VAR_api_keys='{"sum":"test:a-key-that-is-only-a-test"}'
variables=$scratch/variables.tfvars
sed '/^images = {/,/^}/d' terraform/terraform.tfvars.example >"$variables"
set_service "$variables" sum "zone_id = \"$(probe zone example.com)\""
# with LINE...: the variables with other settings of the service.
with() { cp "$variables" "$variables.changed"; set_service "$variables.changed" sum "$@"; cat "$variables.changed"; }
TF_VARS=$(cat "$variables")
export TF_VARS
API_IMAGE=$(image api 1) NGINX_IMAGE=$(image nginx 2)
export API_IMAGE NGINX_IMAGE

check 'a deployment without a service is refused' exits 64 env SERVICE= scripts/deploy.sh plan
check 'a service that is no folder is refused' exits 64 env SERVICE=nginx scripts/deploy.sh rollback
check 'one image without the other is refused' exits 1 env NGINX_IMAGE= scripts/deploy.sh plan

check 'no way back before the first deployment' says 'nothing is deployed' deploy rollback
check 'the first plan is reviewed and passes' deploy plan
first=$(given fingerprint)
check 'its summary opens with the verdict' grep -q '^## 🟢 Plan review' "$scratch/summary"
check 'the same plan made again has the same fingerprint' deploy plan
check 'fingerprints are equal' equal "$first" "$(given fingerprint)"
check 'nothing is applied without a review' exits 64 deploy apply
check 'another plan than the reviewed one is refused' exits 1 env REVIEWED=0000 scripts/deploy.sh apply
REVIEWED=$first
check 'the reviewed plan is applied' deploy apply
check 'the address is handed on' equal https://sum.example.com "$(given url)"
check 'the first deployment has none before it' equal '' "$(given previous_api_image)"
check 'what runs is what was given' runs "$(image api 1)"
check 'the applied plan does not apply twice' exits 1 deploy apply
check 'no drift after an apply' deploy drift
check 'no way back from the only deployment' says 'nothing to go back to' deploy rollback

# ── Between plan and apply ───────────────────────────────────────────────────────────────────────────

service() { aws ecs update-service --cluster sum-api-production --service sum-api-production "$@" >/dev/null; }
API_IMAGE=$(image api 3)
check 'a new image is planned' deploy plan
REVIEWED=$(given fingerprint)
service --health-check-grace-period-seconds 1
check 'what somebody changes meanwhile is another plan' exits 1 deploy apply
service --health-check-grace-period-seconds "$(jq .grace_seconds terraform/service/timing.json)" --desired-count 3
check 'what autoscaling changes meanwhile is not' deploy apply
check 'the apply says what ran before' equal "$(image api 1) $(image nginx 2)" "$(given previous_api_image) $(given previous_nginx_image)"

# ── Rollback ─────────────────────────────────────────────────────────────────────────────────────────

check 'a rollback is planned and shown first' env PLAN_ONLY=true scripts/deploy.sh rollback
check 'and has changed nothing' runs "$(image api 3)"
check 'the workflow finds the images' deploy find
check 'and hands them on' equal "$(image api 1) $(image nginx 2)" "$(given api_image) $(given nginx_image)"
check 'without digests the image before comes back' deploy rollback
check 'and is what runs' runs "$(image api 1)"
check 'its summary names both' grep -qF "\`$(image api 3)\` → \`$(image api 1)\`" "$scratch/summary"
check 'autoscaling keeps its number of tasks' equal 3 "$(aws ecs describe-services --cluster sum-api-production --services sum-api-production --query 'services[0].desiredCount')"
check 'a second rollback does not return to what was left' says 'nothing to go back to' deploy rollback
export API_DIGEST
API_DIGEST=sha256:$(printf '3%.0s' $(seq 64))
check 'with a digest that image comes back' deploy rollback
check 'and is what runs' runs "$(image api 3)"
check 'what runs already is no change' deploy rollback
unset API_DIGEST

touch "$scratch/emulator/rollback"
check 'a deployment that ECS rolls back fails' exits 1 released "$(image api 4)"
rm "$scratch/emulator/rollback"
check 'what runs is not what the state names' runs "$(image api 3)"
check 'the rollback after it brings the state in line' deploy rollback
check 'and the same image runs' runs "$(image api 3)"
check 'no drift after a rollback' deploy drift

before=$TF_VARS
TF_VARS=$(with 'slo_floor = { requests = 30, failures = 10 }')
check 'a change elsewhere that was not applied does not hold up a rollback' deploy rollback
check 'whose image runs' runs "$(image api 1)"
check 'and stays to be applied' exits 2 deploy drift
TF_VARS=$(with 'rate_limit = { rate = 50, burst = 5 }')
check 'a change of the task that was not applied does' says 'RATE_LIMIT' env API_DIGEST="$(image api 4)" scripts/deploy.sh rollback
TF_VARS=$before

# ── A leaked key: docs/runbook.md, "Replace a leaked key" ────────────────────────────────────────────

# The commands of its third step, as they stand there.
sed -n '/^### Replace a leaked key/,/^### Raise/p' docs/runbook.md | sed -n '/^   TF_VARS=/,/^   ```/p' | grep -v '```' |
  sed "s|stack.tfvars|$scratch/stack.tfvars|" >"$scratch/replace"
replace_keys() { # LIST
  # shellcheck disable=SC2034 # the runbook's commands read it
  local API_KEYS="{\"sum\":\"$1\"}"
  printf '%s\n' "${TF_VARS/api_key_version = 1/api_key_version = 2}" >"$scratch/stack.tfvars"
  : >"$scratch/output"
  export GITHUB_OUTPUT=$PWD/$scratch/output
  eval "$(grep -v REVIEWED "$scratch/replace")" || return
  eval "$(grep REVIEWED "$scratch/replace" | sed "s/FINGERPRINT/$(given fingerprint)/")" || return
  unset GITHUB_OUTPUT
}
check 'the key that leaks is in use' parameter test:a-key-that-is-only-a-test
check 'the runbook has three commands for it' equal 3 "$(wc -l <"$scratch/replace")"
# Who rotates names no image.
unset API_IMAGE NGINX_IMAGE
check 'they replace it, where deployments read list and version' replace_keys test:the-new-key-is-a-test-too
check 'the leaked key is gone' parameter test:the-new-key-is-a-test-too
check 'the images are those that ran' runs "$(image api 1)"
# What the workflow reads from now on.
TF_VARS=$(cat "$scratch/stack.tfvars") TF_VAR_api_keys='{"sum":"test:the-new-key-is-a-test-too"}'
check 'the next deployment' released "$(image api 5)"
check 'does not bring it back' parameter test:the-new-key-is-a-test-too
check 'nor does a rollback' deploy rollback
check 'which changes the image' runs "$(image api 1)"
check 'and not the key' parameter test:the-new-key-is-a-test-too
leaked() { env "TF_VARS=$before" TF_VAR_api_keys='{"sum":"test:a-key-that-is-only-a-test"}' scripts/deploy.sh "$@"; }
check 'who still reads the old list and version cannot deploy it' exits 1 leaked plan
check 'nor by a rollback' says 'module.sum[0].aws_ssm_parameter.api_key[0]' env "API_DIGEST=$(image api 5)" "TF_VARS=$before" scripts/deploy.sh rollback
check 'and the leaked key stays away' parameter test:the-new-key-is-a-test-too

check 'a plan that breaks a rule does not pass' exits 1 env "TF_VARS=$(printf '%s\n' "$TF_VARS" | sed 's/^environment .*/environment = "live"/')" scripts/deploy.sh plan

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
