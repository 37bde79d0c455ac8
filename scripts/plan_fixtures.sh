#!/usr/bin/env bash
# Writes the plans that the plan review is tested with: real plans of real changes to terraform/, made
# by the real provider against an emulated AWS that holds the applied stack.
#
#   scripts/plan_fixtures.sh            all of them (about three minutes)
#   scripts/plan_fixtures.sh NAME ...   the named ones
#
# A change is one line of `change_NAME`: an edit of a copy of terraform/, or other variables. What the
# review does not read is left out of the committed JSON: state, configuration, resources that stay.
# shellcheck disable=SC2016  # the dollars in the edits are perl's
set -euo pipefail
cd "$(dirname "$0")/.."

target=ops/tests/plan_review/plans
scratch=.run/plan-review
stack=$scratch/stack
work=$scratch
mkdir -p "$target" "$work"
# shellcheck source=scripts/terraform-lib.sh
. scripts/terraform-lib.sh

# Edits one file of the copy; an edit that changes nothing is an error, or a case would go on under a
# name that it no longer earns.
edit() {
  local file=$copy/$1
  cp "$file" "$scratch/before"
  perl -0pi -e "$2" "$file"
  ! cmp -s "$file" "$scratch/before" || { echo "the edit of $1 changed nothing" >&2; exit 1; }
}

add() { cat >>"$copy/$1"; }

setting() { set_service "$variables" sum "$@"; }

digest() { printf "$1%.0s" $(seq 64); }
image() { printf '123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/%s@sha256:%s' "$1" "$(digest "$2")"; }

change_nothing() { :; }
change_create_everything() { rm "$copy/terraform.tfstate"; }
change_keep_logs_longer() { arguments+=(-var=log_retention_days=545); }
change_deploy() { set_image "$variables" sum api "$(image api 3)"; }
change_rotate_keys() { setting 'api_key_version = 2'; }
# As if a rotation had been applied from elsewhere, and this checkout had not heard of it.
change_forget_rotation() { sed -i 's/"value_wo_version": 1,/"value_wo_version": 2,/' "$copy/terraform.tfstate"; }
change_raise_limit() { setting 'rate_limit = { rate = 5000, burst = 5000 }'; }
change_shrink() { setting 'scaling = { min = 2, max = 2, requests_per_target = 6000 }' 'task_size = { cpu = 1024, memory = 2048 }'; }
change_open_to_the_world() {
  add service/security_groups.tf <<'TF'
resource "aws_vpc_security_group_ingress_rule" "debug" {
  security_group_id = aws_security_group.tasks.id
  description       = "Debugging."
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}
TF
}
change_wide_task_role() { edit service/iam.tf 's/"ssm:GetParameter"\]\n      Resource = parameter/"ssm:*"]\n      Resource = "*"/'; }
change_key_in_environment() { edit service/task_definition.tf 's/(    RUNTIME_DIR  )/    API_KEY = "web:a-key-that-is-only-a-test"\n$1/'; }
change_unchecked_api() { edit service/task_definition.tf 's/(api_environment = merge\(.*?LOG_FORMAT         = "json")/$1\n    REQUIRE_API_KEY = "false"/s'; }
change_stop_too_early() { edit service/timing.json 's/"container_stop_seconds": 30/"container_stop_seconds": 10/'; }
change_writable_root() { edit service/task_definition.tf 's/readonlyRootFilesystem = true/readonlyRootFilesystem = false/'; }
change_no_rollback() { edit service/ecs.tf 's/enable   = true\n    rollback = true/enable   = false\n    rollback = false/'; }
change_plain_http() {
  edit terraform.tfvars.example 's/^ +(domain_name|zone_id) .*\n//mg'
  setting 'insecure_http = true'
}
change_move_network() { arguments+=(-var=vpc_cidr=10.43.0.0/16); }
change_rename_environment() { arguments+=(-var=environment=live); }
change_destroy() { arguments+=(-destroy); }
change_deafen_alarms() {
  edit service/alarms.tf 's/    unhealthy-target = \{.*?\n    \}\n//s'
  edit service/alarms.tf 's/("aws_cloudwatch_metric_alarm" "no_healthy_target".*?)evaluation_periods  = 3(.*?)alarm_actions       = [^\n]*/${1}evaluation_periods  = 30${2}alarm_actions       = []/s'
}

# Only what the review reads, and nothing that differs from one run to the next.
trim='
  def kept: ["aws_appautoscaling_target", "aws_ecs_task_definition"];
  def quiet: .change.actions == ["no-op"] or .change.actions == ["read"];
  { format_version, terraform_version, errored, checks: [(.checks // [])[] | select(.status != "pass") | { status, instances }],
    resource_drift: [],
    resource_changes: [.resource_changes[] | select(.mode == "managed") | select((quiet | not) or (.type | IN(kept[])))
      | { address, mode, type, change: (.change | {actions, before, after, after_unknown, before_sensitive, after_sensitive, replace_paths} | with_entries(select(.value != null))) }] }
  | walk(if type == "object" then del(.tags_all) else . end)'

find_provider
[ -n "$missing" ] || find_python terraform/emulator/requirements.txt
# shellcheck disable=SC2154 # the two set it
[ -z "$missing" ] || { echo "no plans without the provider and the emulator: $missing" >&2; exit 69; }

export TF_VAR_api_keys
TF_VAR_api_keys=$(key_map web:fixture.alpha.bravo.charlie)
trap 'emulator_stop "$stack/emulator"' EXIT
rm -rf "$stack"
emulator_start "$stack/emulator"
ready terraform "$stack/root"
# A hosted zone of the emulator's in place of the example's.
set_service "$stack/root/terraform.tfvars.example" sum "zone_id = \"$(probe zone example.com)\""
terraform -chdir="$stack/root" apply -no-color -auto-approve -compact-warnings -var-file=terraform.tfvars.example >"$scratch/stack.log" 2>&1 ||
  { tail -n 40 "$scratch/stack.log" >&2; exit 1; }

[ $# -gt 0 ] || mapfile -t cases < <(declare -F | sed -n 's/^declare -f change_//p')
[ $# -eq 0 ] || cases=("$@")
for name in "${cases[@]}"; do
  copy=$scratch/copy
  rm -rf "$copy"
  cp -R "$stack/root" "$copy"
  variables=$copy/terraform.tfvars.example arguments=(-var-file=terraform.tfvars.example)
  "change_$name"
  terraform -chdir="$copy" plan -no-color -input=false -refresh=false -compact-warnings "${arguments[@]}" -out=plan >"$scratch/$name.log" 2>&1 ||
    { tail -n 30 "$scratch/$name.log" >&2; exit 1; }
  terraform -chdir="$copy" show -json plan >"$scratch/$name.full.json"
  jq --sort-keys --indent 1 "$trim" "$scratch/$name.full.json" >"$target/$name.json"
  printf '%-20s %s bytes: %s\n' "$name" "$(wc -c <"$target/$name.json")" "$(grep -E '^(Plan:|No changes)' "$scratch/$name.log")"
done
