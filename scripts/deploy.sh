#!/usr/bin/env bash
# The steps of a deployment: called by the workflows deploy, rollback and drift, and by `make rollback`.
#
#   scripts/deploy.sh plan          plans, reviews; the fingerprint of the plan goes to GITHUB_OUTPUT
#   scripts/deploy.sh apply         plans again, and applies only if the fingerprint is REVIEWED
#   scripts/deploy.sh smoke URL     calls the service as a caller would
#   scripts/deploy.sh find          prints the last good images; with API_DIGEST or NGINX_DIGEST, those instead
#   scripts/deploy.sh rollback      returns to the images of `find`, and changes nothing else;
#                                   with PLAN_ONLY=true it stops before the apply
#   scripts/deploy.sh images        prints the images that the service runs
#   scripts/deploy.sh drift         exit code 2 when AWS differs from the configuration
#
# A saved plan holds values of the whole stack, so it never leaves the job that made it: no artifact,
# no cache. A hash of everything that it changes passes from the reviewed plan to the apply. The apply
# plans once more, and refuses when the hash differs: then main or AWS has changed since the review.
#
# The environment: AWS credentials; TF_BACKEND (from the output `backend` of terraform/bootstrap), TF_VARS
# (terraform.tfvars of this stack without images), TF_VAR_api_image, TF_VAR_nginx_image, TF_VAR_api_key;
# for find and rollback API_DIGEST and NGINX_DIGEST (a digest or a whole image). Where terraform/ is initialised already,
# as on a laptop, the first two may be missing.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

root=${DEPLOY_ROOT:-terraform} # the tests name a copy
scratch=$PWD/.run/deploy
umask 077
mkdir -p "$scratch"
export TF_IN_AUTOMATION=1 TF_INPUT=0
# Asked for by the configuration, kept by no plan: a plan needs some key, and only the apply the real one.
export TF_VAR_api_key=${TF_VAR_api_key:-plan:not-a-key-of-anybody}

tf() { terraform "-chdir=$root" "$@"; }
release() { cargo run --quiet --locked -p ops -- release "$@"; }

start() {
  if [ -n "${TF_BACKEND:-}" ]; then
    printf '%s\n' "$TF_BACKEND" >"$scratch/backend.hcl"
    tf init -lockfile=readonly "-backend-config=$scratch/backend.hcl" >"$scratch/init.log"
  fi
  printf '%s\n' "${TF_VARS:-}" >"$scratch/stack.tfvars"
}

# Everything that the apply will do, as one hash: each change, the outputs, and the code that it came from.
# Autoscaling moves the service's desired_count between plan and apply; Terraform ignores it, and so does
# the hash, as long as the plan does not change it.
fingerprint() {
  {
    printf '%s\n' "${GITHUB_SHA:-$(git rev-parse HEAD)}"
    jq --sort-keys --compact-output '
      [.resource_changes[]? | select(.change.actions != ["no-op"] and .change.actions != ["read"])
        | if .type == "aws_ecs_service" and .change.before.desired_count == .change.after.desired_count
          then del(.change.before.desired_count, .change.after.desired_count) else . end
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
  local hash previous
  [ -n "${REVIEWED:-}" ] || { echo "REVIEWED names no fingerprint: nothing was reviewed, nothing is applied" >&2; exit 64; }
  start
  previous=$(running)
  [ -z "$previous" ] || output "previous_${previous/$'\n'/$'\n'previous_}"
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

# `release COMMAND --cluster … --service …` with the names of the state; nothing before the first deployment.
of_service() { # COMMAND, arguments
  local command=$1 outputs names
  shift
  outputs=$(tf output -json)
  mapfile -t names < <(jq --raw-output '.service.value // empty | "--cluster", .cluster, "--service", .service' <<<"$outputs")
  [ "${#names[@]}" -eq 0 ] || release "$command" "${names[@]}" "$@"
}

# Two lines, api_image=… and nginx_image=…: what ECS runs. The state may name a version that ECS rolled back.
running() { of_service running; }

cmd_images() { start; running; }

cmd_smoke() { release smoke "$@"; }

find_images() {
  local images
  images=$(of_service find ${API_DIGEST:+--api "$API_DIGEST"} ${NGINX_DIGEST:+--nginx "$NGINX_DIGEST"})
  [ -n "$images" ] || { echo "nothing is deployed: there is nothing to go back to" >&2; return 1; }
  printf '%s\n' "$images"
}

cmd_find() {
  local images
  start
  images=$(find_images)
  printf '%s\n' "$images"
  output "$images"
}

# The plan covers the service and what it depends on: a change elsewhere that waits for its approval does
# not hold up a rollback. Whoever approves a deployment or a rollback approves other images, and no more.
cmd_rollback() {
  local images answer status=0
  start
  images=$(find_images)
  make_plan rollback -target=module.sum.aws_ecs_service.this "-var=$(sed -n 1p <<<"$images")" "-var=$(sed -n 2p <<<"$images")"
  release check "$scratch/rollback.json" >"$scratch/rollback.md" || status=$?
  tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}" <"$scratch/rollback.md"
  [ "$status" -eq 0 ] || return "$status"
  [ "${PLAN_ONLY:-false}" = false ] || return 0
  if [ -t 0 ]; then
    read -r -p 'Apply this? Only "yes" does: ' answer
    [ "$answer" = yes ] || return 1
  fi
  tf apply -no-color -compact-warnings -lock-timeout=5m "$scratch/rollback"
  output "url=$(tf output -raw url)"
  printf 'These images run now. Where the configuration names images, write these there:\n%s\n' "$images"
}

cmd_drift() {
  local images status=0
  start
  images=$(running)
  [ -n "$images" ] || { echo "nothing is deployed"; return 0; }
  tf plan -no-color -compact-warnings -lock=false -detailed-exitcode "-var-file=$scratch/stack.tfvars" "-var=$(sed -n 1p <<<"$images")" "-var=$(sed -n 2p <<<"$images")" \
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
  plan | apply | smoke | find | rollback | images | drift) "cmd_$command" "$@" ;;
  *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 64 ;;
esac
