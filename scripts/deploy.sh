#!/usr/bin/env bash
# The steps of a deployment of one service: called by the workflows deploy, rollback and drift, and by `make rollback`.
#
#   scripts/deploy.sh plan          plans, reviews; the fingerprint of the plan goes to GITHUB_OUTPUT
#   scripts/deploy.sh apply         plans again, and applies only if the fingerprint is REVIEWED
#   scripts/deploy.sh smoke URL     calls the service as a caller would
#   scripts/deploy.sh find          prints the last good images; with API_DIGEST or NGINX_DIGEST, those instead
#   scripts/deploy.sh rollback      returns to the images of `find`, and changes nothing else;
#                                   with PLAN_ONLY=true it stops before the apply
#   scripts/deploy.sh images        prints the images that the service runs
#   scripts/deploy.sh drift         exit code 2 when AWS differs from the configuration, for all services
#
# A saved plan holds values of the whole stack, so it never leaves the job that made it: no artifact,
# no cache. A hash of everything that it changes passes from the reviewed plan to the apply. The apply
# plans once more, and refuses when the hash differs: then main or AWS has changed since the review.
#
# Every other service keeps the images that it runs, so a plan changes one service.
#
# The environment: SERVICE, the service's folder below services/; AWS credentials; TF_BACKEND (from the output `backend` of
# terraform/bootstrap), TF_VARS (terraform.tfvars of this stack without images); for plan and apply API_IMAGE and
# NGINX_IMAGE (without them, the service keeps its images too); for find and rollback API_DIGEST and NGINX_DIGEST (a digest or a
# whole image); for smoke SMOKE_API_KEYS (a JSON object with one key of each service, by folder). Where terraform/ is initialised
# already, as on a laptop, TF_BACKEND and TF_VARS may be missing.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."

root=${DEPLOY_ROOT:-terraform} # the tests name a copy
scratch=$PWD/.run/deploy
umask 077
mkdir -p "$scratch"
export TF_IN_AUTOMATION=1 TF_INPUT=0

tf() { terraform "-chdir=$root" "$@"; }
# OPS names a binary that is built already, for callers that must not wait for Cargo.
ops() { if [ -n "${OPS:-}" ]; then "$OPS" "$@"; else cargo ops "$@"; fi; }
release() { ops release "$@"; }

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
  tf plan -no-color -compact-warnings -lock-timeout=5m "-var-file=$scratch/stack.tfvars" "-var-file=$scratch/images.tfvars.json" \
    -out="$scratch/$name" "$@" >"$scratch/$name.log" ||
    { tail -n 40 "$scratch/$name.log" >&2; return 1; }
  tf show -json "$scratch/$name" >"$scratch/$name.json"
}

# The number of resources that a plan changes.
changes() { jq '[.resource_changes[]? | select(.change.actions != ["no-op"] and .change.actions != ["read"])] | length' "$1"; }

output() { [ -z "${GITHUB_OUTPUT:-}" ] || printf '%s\n' "$@" >>"$GITHUB_OUTPUT"; }
summary() { if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$1" >>"$GITHUB_STEP_SUMMARY"; else cat "$1"; fi; }

cmd_plan() {
  local allow=() rule hash status=0
  start
  with_images "$(given_images)"
  make_plan plan
  for rule in ${ALLOW_RULES:-}; do allow+=(--allow "$rule"); done
  ops plan-review "$scratch/plan.json" --output "$scratch/review.md" "${allow[@]}" || status=$?
  summary "$scratch/review.md"
  hash=$(fingerprint "$scratch/plan.json")
  printf 'fingerprint: %s\n' "$hash"
  output "fingerprint=$hash" "changes=$(changes "$scratch/plan.json")"
  return "$status"
}

cmd_apply() {
  local hash previous
  [ -n "${REVIEWED:-}" ] || { echo "REVIEWED names no fingerprint: nothing was reviewed, nothing is applied" >&2; exit 64; }
  start
  previous=$(running "$SERVICE")
  [ -z "$previous" ] || output "previous_${previous/$'\n'/$'\n'previous_}"
  with_images "$(given_images)"
  make_plan apply
  hash=$(fingerprint "$scratch/apply.json")
  if [ "$hash" != "$REVIEWED" ]; then
    echo "this is not the plan that was reviewed ($REVIEWED) but another ($hash):" >&2
    echo "main, the variables or AWS changed in between. Run the workflow again and review its plan." >&2
    exit 1
  fi
  tf apply -no-color -compact-warnings -lock-timeout=5m "$scratch/apply"
  output "url=$(url)"
}

url() { tf output -json services | jq --raw-output --arg service "$SERVICE" '.[$service].url'; }

# The services of the state, by folder; nothing before the first deployment.
deployed() { tf output -json | jq --raw-output '.services.value // {} | keys[]'; }

# `release COMMAND --cluster … --service …` with the names of the state; nothing before the first deployment.
of_service() { # COMMAND, FOLDER, arguments
  local command=$1 folder=$2 outputs names
  shift 2
  outputs=$(tf output -json)
  mapfile -t names < <(jq --raw-output --arg folder "$folder" \
    '.services.value[$folder].service // empty | "--cluster", .cluster, "--service", .service' <<<"$outputs")
  [ "${#names[@]}" -eq 0 ] || release "$command" "${names[@]}" "$@"
}

# Two lines, api_image=… and nginx_image=…: what ECS runs. The state may name a version that ECS rolled back.
running() { of_service running "$1"; }

# The two lines of API_IMAGE and NGINX_IMAGE, or of what runs.
given_images() {
  if [ -n "${API_IMAGE:-}${NGINX_IMAGE:-}" ]; then
    printf 'api_image=%s\nnginx_image=%s\n' "${API_IMAGE:?the image of the API}" "${NGINX_IMAGE:?the image of the sidecar}"
  else
    running "$SERVICE"
  fi
}

# Writes the variable `images`: the two lines for SERVICE, and for every other service what it runs. Without any, nothing: then
# the configuration must name them.
with_images() { # LINES
  local folder folders lines
  folders=$(deployed)
  {
    [ -z "$1" ] || printf '%s\n' "$1" | sed "s|^|$SERVICE |"
    for folder in $folders; do
      [ "$folder" != "${SERVICE:-}" ] || continue
      lines=$(running "$folder")
      # Without its images, the plan would remove it.
      [ -n "$lines" ] || { echo "the state has the service $folder, but ECS does not run it: deploy it first" >&2; return 1; }
      printf '%s\n' "$lines" | sed "s|^|$folder |"
    done
  } | jq --raw-input --null-input 'reduce (inputs | capture("^(?<folder>[^ ]+) (?<container>[a-z]+)_image=(?<image>.+)$")) as $line
      ({}; .images[$line.folder][$line.container] = $line.image)' >"$scratch/images.tfvars.json"
}

cmd_images() { start; running "$SERVICE"; }

cmd_smoke() {
  [ -z "${SMOKE_API_KEYS:-}" ] || SMOKE_API_KEY=$(jq --raw-output --arg service "$SERVICE" '.[$service] // ""' <<<"$SMOKE_API_KEYS")
  SMOKE_API_KEY=${SMOKE_API_KEY:-} release smoke "$@"
}

find_images() {
  local images
  images=$(of_service find "$SERVICE" ${API_DIGEST:+--api "$API_DIGEST"} ${NGINX_DIGEST:+--nginx "$NGINX_DIGEST"})
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
  with_images "$images"
  make_plan rollback "-target=module.${SERVICE}[0].aws_ecs_service.this"
  release check "$scratch/rollback.json" >"$scratch/rollback.md" || status=$?
  tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}" <"$scratch/rollback.md"
  [ "$status" -eq 0 ] || return "$status"
  [ "${PLAN_ONLY:-false}" = false ] || return 0
  if [ -t 0 ]; then
    read -r -p 'Apply this? Only "yes" does: ' answer
    [ "$answer" = yes ] || return 1
  fi
  tf apply -no-color -compact-warnings -lock-timeout=5m "$scratch/rollback"
  output "url=$(url)"
  printf 'These images run now. Where the configuration names images, write these there:\n%s\n' "$images"
}

cmd_drift() {
  local services status=0
  start
  services=$(deployed)
  [ -n "$services" ] || { echo "nothing is deployed"; return 0; }
  SERVICE='' with_images ''
  tf plan -no-color -compact-warnings -lock=false -detailed-exitcode "-var-file=$scratch/stack.tfvars" "-var-file=$scratch/images.tfvars.json" \
    -out="$scratch/drift" >"$scratch/drift.log" 2>&1 || status=$?
  [ "$status" -ne 1 ] || { tail -n 40 "$scratch/drift.log" >&2; return 1; }
  if [ "$status" -eq 2 ]; then
    tf show -json "$scratch/drift" >"$scratch/drift.json"
    # A rollback applies the ECS service alone, so the outputs in the state are those of before. AWS does not differ.
    [ "$(changes "$scratch/drift.json")" -gt 0 ] || return 0
    ops plan-review "$scratch/drift.json" --output "$scratch/review.md" || true
    summary "$scratch/review.md"
  fi
  return "$status"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
  plan | apply | smoke | find | rollback | images)
    [ -f "services/${SERVICE:-}/openapi.json" ] || { echo "SERVICE is '${SERVICE:-}': expected a folder of services/ with an openapi.json" >&2; exit 64; }
    ;;
esac
case $command in
  plan | apply | smoke | find | rollback | images | drift) "cmd_$command" "$@" ;;
  *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 64 ;;
esac
