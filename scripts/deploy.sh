#!/usr/bin/env bash
# The steps of a deployment, each called by .github/workflows/deploy.yml and drift.yml and by nobody else.
#
#   scripts/deploy.sh plan         plans, reviews; the fingerprint of the plan goes to GITHUB_OUTPUT
#   scripts/deploy.sh apply        plans again, and applies only if the fingerprint is REVIEWED
#   scripts/deploy.sh smoke URL    calls the service as a caller would
#   scripts/deploy.sh rollback     puts the images of PREVIOUS back, and touches nothing else
#   scripts/deploy.sh images       prints the images that the state says are running
#   scripts/deploy.sh drift        exit code 2 when AWS differs from the configuration
#
# A saved plan holds values of the whole stack, so it never leaves the job that made it: no artifact,
# no cache. What passes from the reviewed plan to the apply is a hash of everything in it that changes.
# The apply plans anew and refuses when the hash differs, whether main or AWS has moved on meanwhile.
#
# The environment: AWS credentials; TF_BACKEND (the output `backend` of terraform/bootstrap), TF_VARS
# (terraform.tfvars of this stack without images), TF_VAR_api_image, TF_VAR_nginx_image, TF_VAR_api_key.
set -euo pipefail
cd "$(dirname "$0")/.."

root=${DEPLOY_ROOT:-terraform} # the tests name a copy
scratch=$PWD/.run/deploy
umask 077
mkdir -p "$scratch"
export TF_IN_AUTOMATION=1 TF_INPUT=0
# Asked for by the configuration, kept by no plan: a plan needs some key, and only the apply the real one.
export TF_VAR_api_key=${TF_VAR_api_key:-plan:not-a-key-of-anybody}

tf() { terraform "-chdir=$root" "$@"; }

start() {
  if [ -n "${TF_BACKEND:-}" ]; then
    printf '%s\n' "$TF_BACKEND" >"$scratch/backend.hcl"
    tf init -lockfile=readonly "-backend-config=$scratch/backend.hcl" >"$scratch/init.log"
  fi
  printf '%s\n' "${TF_VARS:-}" >"$scratch/stack.tfvars"
}

# Everything that the apply will do, as one hash: each change, the outputs, and the code that it came from.
fingerprint() {
  {
    printf '%s\n' "${GITHUB_SHA:-$(git rev-parse HEAD)}"
    jq --sort-keys --compact-output '
      [.resource_changes[]? | select(.change.actions != ["no-op"] and .change.actions != ["read"])
        | { address, mode, deposed, change: (.change | { actions, before, after, after_unknown, replace_paths }) }],
      .output_changes' "$1"
  } | sha256sum | cut -d' ' -f1
}

make_plan() { # NAME, arguments
  local name=$1
  shift
  tf plan -no-color -compact-warnings -lock-timeout=5m "-var-file=$scratch/stack.tfvars" -out="$scratch/$name" "$@" >"$scratch/$name.log" ||
    { tail -n 40 "$scratch/$name.log" >&2; return 1; }
  tf show -json "$scratch/$name" >"$scratch/$name.json"
}

output() { [ -z "${GITHUB_OUTPUT:-}" ] || printf '%s\n' "$@" >>"$GITHUB_OUTPUT"; }
summary() { if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$1" >>"$GITHUB_STEP_SUMMARY"; else cat "$1"; fi; }

cmd_plan() {
  local allow=() rule hash status=0
  start
  make_plan plan
  for rule in ${ALLOW_RULES:-}; do allow+=(--allow "$rule"); done
  cargo run --quiet --locked -p ops -- plan-review "$scratch/plan.json" --output "$scratch/review.md" "${allow[@]}" || status=$?
  summary "$scratch/review.md"
  hash=$(fingerprint "$scratch/plan.json")
  printf 'fingerprint: %s\n' "$hash"
  output "fingerprint=$hash" "changes=$(jq '[.resource_changes[]? | select(.change.actions != ["no-op"] and .change.actions != ["read"])] | length' "$scratch/plan.json")"
  return "$status"
}

cmd_apply() {
  local hash
  [ -n "${REVIEWED:-}" ] || { echo "REVIEWED names no fingerprint: nothing was reviewed, nothing is applied" >&2; exit 64; }
  start
  output "previous=$(running_images | paste -sd ' ')"
  make_plan apply
  hash=$(fingerprint "$scratch/apply.json")
  if [ "$hash" != "$REVIEWED" ]; then
    echo "this is not the plan that was reviewed ($REVIEWED) but another ($hash):" >&2
    echo "main, the variables or AWS changed in between. Run the workflow again and review its plan." >&2
    exit 1
  fi
  tf apply -no-color -compact-warnings -lock-timeout=5m "$scratch/apply"
  output "url=$(tf output -raw url)"
}

# Two lines: the API's image, the sidecar's. None before the first deployment.
running_images() {
  tf show -json | jq --raw-output '
    [.values.root_module.resources[]? | select(.address == "aws_ecs_task_definition.this") | .values.container_definitions | fromjson[]]
    | map({ (.name): .image }) | add // {} | .api, .nginx | strings'
}

cmd_images() { start; running_images; }

# As a caller: health without a key, refusal without a key, and with SMOKE_API_KEY one exact sum.
cmd_smoke() {
  local url=${1:?an address} answer
  ask() { curl --silent --show-error --max-time 10 --retry 5 --retry-all-errors --retry-delay 3 "$@"; }
  status() { ask --output /dev/null --write-out '%{http_code}' "$@"; }
  expect() { [ "$2" = "$3" ] || { printf 'FAILED  %s: expected %s, found %s\n' "$1" "$2" "$3" >&2; exit 1; }; printf 'ok      %s\n' "$1"; }
  expect 'readyz' 200 "$(status "$url/readyz")"
  expect 'sum without a key' 401 "$(status -X POST -H 'content-type: application/json' -d '{"a":2,"b":40}' "$url/sum")"
  expect 'metrics stay inside' 404 "$(status "$url/metrics")"
  if [ -n "${SMOKE_API_KEY:-}" ]; then
    # The key by a file descriptor: an argument would stand in the process list.
    answer=$(ask -X POST -H 'content-type: application/json' -H @- -d '{"a":0.1,"b":0.2}' "$url/sum" <<<"x-api-key: $SMOKE_API_KEY")
    expect 'sum' '{"sum":0.3}' "$answer"
  else
    echo 'SKIPPED: smoke: SMOKE_API_KEY is not set, no sum was asked for'
  fi
}

cmd_rollback() {
  local api nginx others
  read -r api nginx <<<"${PREVIOUS:-}"
  [ -n "$nginx" ] || { echo "nothing ran before this deployment: there is nothing to go back to" >&2; exit 69; }
  start
  make_plan rollback "-var=api_image=$api" "-var=nginx_image=$nginx"
  # Whoever approved the deployment approved its images' way back, and no more.
  others=$(jq --raw-output '[.resource_changes[] | select(.change.actions != ["no-op"] and .change.actions != ["read"])
    | select(.type | IN("aws_ecs_task_definition", "aws_ecs_service") | not) | .address] | join(" ")' "$scratch/rollback.json")
  [ -z "$others" ] || { echo "going back would change more than the images: $others. A person has to decide." >&2; exit 1; }
  tf apply -no-color -compact-warnings -lock-timeout=5m "$scratch/rollback"
}

cmd_drift() {
  local api nginx status=0
  start
  { read -r api; read -r nginx; } < <(running_images) || true
  [ -n "${nginx:-}" ] || { echo "nothing is deployed"; return 0; }
  tf plan -no-color -compact-warnings -lock=false -detailed-exitcode "-var-file=$scratch/stack.tfvars" "-var=api_image=$api" "-var=nginx_image=$nginx" \
    -out="$scratch/drift" >"$scratch/drift.log" 2>&1 || status=$?
  [ "$status" -ne 1 ] || { tail -n 40 "$scratch/drift.log" >&2; return 1; }
  if [ "$status" -eq 2 ]; then
    tf show -json "$scratch/drift" >"$scratch/drift.json"
    cargo run --quiet --locked -p ops -- plan-review "$scratch/drift.json" --output "$scratch/review.md" || true
    summary "$scratch/review.md"
  fi
  return "$status"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
  plan | apply | smoke | rollback | images | drift) "cmd_$command" "$@" ;;
  *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 64 ;;
esac
