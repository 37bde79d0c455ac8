#!/usr/bin/env bash
# Every proof of terraform/ that needs no AWS account, and the plan for review.
#
#   scripts/terraform.sh fmt          the formatting
#   scripts/terraform.sh validate     both roots, with the module
#   scripts/terraform.sh order        what must wait for what, in the graph
#   scripts/terraform.sh timing       the timing budget against nginx's template and the API's defaults
#   scripts/terraform.sh test         terraform test, mocked provider
#   scripts/terraform.sh seeds        defects that no emulator shows, planted in a copy: each must be found
#   scripts/terraform.sh prove [NETWORK]   apply, empty second plan, drift, redeployment, rotation, destroy, against an emulated AWS
#   scripts/terraform.sh permissions  the calls that prove recorded, and everybody else's, against every role's policies
#   scripts/terraform.sh plan         writes plan.txt
#   scripts/terraform.sh plan-check   plan.txt is what plan would write
#   scripts/terraform.sh checkov      the scanner, on the configuration and on the plan
#   scripts/terraform.sh all          all of these but plan
#
#   scripts/terraform.sh stack-up DIR [terraform arguments]   emulator and applied stack that stay, for who builds on them
#   scripts/terraform.sh stack-apply DIR [terraform arguments]
#   scripts/terraform.sh stack-down DIR
#
# What cannot run says `SKIPPED: name: reason`. The last line counts: `N passed, N failed, N skipped`.
# shellcheck disable=SC2317,SC2031 # run calls the cmd_ functions by name; a network is proved in a subshell
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=scripts/terraform-lib.sh
. scripts/terraform-lib.sh
# shellcheck source=scripts/terraform-prove.sh
. scripts/terraform-prove.sh
# shellcheck source=scripts/terraform-plan.sh
. scripts/terraform-plan.sh
# shellcheck source=scripts/terraform-seeds.sh
. scripts/terraform-seeds.sh

roots=(terraform/bootstrap terraform)

# with_shared ROOT DIR ARGUMENTS: `terraform test` with what the tests of the root share. The root's own are its example.
with_shared() {
  local root=$1 dir=$2
  shift 2
  case $root in
    terraform) set -- -var-file=terraform.tfvars.example "$@" ;;
    terraform/service) set -- -var-file=tests/shared.tfvars "$@" ;;
  esac
  TF_VAR_api_keys=$(key_map offline-test-key) tf "$dir" test -no-color "$@"
}

cmd_fmt() {
  local files
  files=$(find terraform -name '*.tf' -o -name '*.hcl' ! -path '*/.terraform/*' | grep -vc '/\.terraform/')
  if [ "$files" -ge 20 ]; then check "fmt: $files files" terraform fmt -check -recursive -diff terraform; else fail "fmt: only $files files were found"; fi
}

cmd_validate() {
  local root dir
  for root in "${roots[@]}"; do
    dir=$work/validate/${root//\//-}
    ready "$root" "$dir" && check "validate: $root" tf "$dir" validate -no-color
  done
}

cmd_test() {
  local root dir line good bad started=$SECONDS
  second_document "$work/test"
  for root in "${roots[@]}" terraform/service; do
    dir=$work/test/$root
    if [ "$root" = terraform/service ]; then ready_service "${dir%/service}"; else ready "$root" "$dir"; fi
    with_shared "$root" "$dir" >"$dir/test.log" 2>&1 || true
    line=$(tail -n 5 "$dir/test.log" | grep -E '^(Success!|Failure!) ' || true)
    if [ -z "$line" ]; then fail "test: $root said nothing"; tail -n 40 "$dir/test.log"; continue; fi
    passed=$((passed + $(sed -E 's/.* ([0-9]+) passed.*/\1/' <<<"$line")))
    failed=$((failed + $(sed -E 's/.* ([0-9]+) failed.*/\1/' <<<"$line")))
    [[ $line != *' 0 passed'* ]] || fail "test: $root has no test"
    [[ $line == Success!* ]] || grep -vE '\.\.\. pass$' "$dir/test.log"
    grep -E '\.tftest\.hcl\.\.\. ' "$dir/test.log" | grep -v 'in progress\|tearing' | sed 's/^/  /'
    echo "terraform test, $root: $line ($((SECONDS - started)) s)"
    refusals "$root"
  done
  dir=$work/test/terraform
  check "test: two services in one environment" two_services "$dir"
  check "test: a service without images makes no resource" same module.sum "$(run_of one_is_off "$dir" | sed -nE 's/^  # (module\.[a-z]+).*/\1/p' | sort -u)"
  # The service also changes; the mocked provider plans no change of an ARN.
  check "test: another image of one service changes no other service" \
    same "module.other[0].aws_ecs_task_definition.this " "$(run_of another_image "$dir" >"$dir/planned"; planned "$dir/planned")"
}

# second_document DIR: the document of a second service beside those that a copy of a root reads in DIR/services.
second_document() {
  mkdir -p "$1/services/other"
  jq '."x-service".name = "sum-api-2"' contract/parcels/openapi.json >"$1/services/other/openapi.json"
}

# two_services DIR: gives a copy of the root a second service, and runs the tests of tests/two_services in it.
two_services() {
  second_document "$1/.."
  perl -0pi -e '
    s/"sum"(?=\])/"sum", "other"/;
    s/(^    contains[^\n]*\n|^module "sum" \{.*?^\}\n|^    sum = [^\n]*\n)/my $one = $1; $one . ($one =~ s{\bsum\b}{other}gr)/msge' "$1/services.tf"
  tf "$1" init -no-color -lockfile=readonly >"$1/init.log" 2>&1 || { tail -n 20 "$1/init.log"; return 1; }
  tf "$1" test -no-color -verbose -test-directory=tests/two_services -var-file=terraform.tfvars.example >"$1/two_services.log" 2>&1 ||
    { grep -A 12 -E '\.\.\. fail|^Error' "$1/two_services.log"; return 1; }
}

# run_of NAME DIR: what a run of the tests of two services printed.
run_of() { sed -n "/^  run \"$1\"/,/^  run /p" "$2/two_services.log"; }

# refusals ROOT: every value that a variable must refuse, with its message.
refusals() {
  local log=$work/refused.log
  started=$SECONDS
  scripts/terraform-refused.sh "$1" >"$log" 2>&1 || true
  grep -v ' passed, ' "$log" | sed 's/^/  /' || true
  read -r good _ bad _ < <(tail -n 1 "$log")
  if [[ $good =~ ^[0-9]+$ ]]; then
    passed=$((passed + good)) failed=$((failed + bad))
    echo "values refused, $1: $good passed, $bad failed ($((SECONDS - started)) s)"
  else
    fail "values refused, $1: no result"
  fi
}

# What the roles may do against what is called; then the same with defects planted, each of which must be found.
cmd_permissions() {
  local folder=$work what log=$work/permissions.log good bad started=$SECONDS
  [ -e "$folder/default-vpc/calls" ] || folder=.run/terraform/prove
  if ! cargo xtask tools permissions >"$log" 2>&1; then skip "terraform permissions" "$(tail -n 1 "$log")"; return; fi
  for what in "" seeds; do
    # shellcheck disable=SC2086 # no word or one
    .tools/permissions/bin/python terraform/permissions "$folder" $what >"$log" 2>&1 || true
    sed '$d; s/^/  /' "$log"
    read -r good _ bad _ < <(tail -n 1 "$log")
    if [[ $good =~ ^[0-9]+$ ]]; then
      passed=$((passed + good)) failed=$((failed + bad))
      echo "permissions${what:+, $what}: $good passed, $bad failed ($((SECONDS - started)) s)"
    else
      fail "permissions${what:+, $what}: $(tail -n 1 "$log")"
    fi
  done
}

finish() {
  local status=$? dir
  for dir in "${emulators[@]}"; do emulator_stop "$dir"; done
  exit "$status"
}

run() { # NAME: one proof, or the reason why it cannot be had
  local name=$1
  shift
  missing=
  case $name in
    timing) ;;
    fmt) command -v terraform >/dev/null || missing="terraform is not on PATH" ;;
    *) find_provider ;;
  esac
  case $name in prove | plan | plan-check | checkov) [ -n "$missing" ] || find_python terraform/emulator/requirements.txt ;; esac
  case $name in checkov) [ -n "$missing" ] || find_python terraform/requirements.txt ;; esac
  if [ -n "$missing" ]; then skip "terraform $name" "$missing"; else "cmd_${name//-/_}" "$@"; fi
}

stack() { # up|apply|down DIR ...: an applied stack that outlives this script
  local what=$1 dir=$2
  shift 2
  work=$dir/work
  mkdir -p "$work"
  if [ "$what" = down ]; then emulator_stop "$dir/emulator"; return; fi
  find_provider
  [ -n "$missing" ] || find_python terraform/emulator/requirements.txt
  [ -z "$missing" ] || { echo "SKIPPED: terraform stack: $missing"; exit 69; }
  case $what in
    up) emulator_start "$dir/emulator"; ready terraform "$dir/root" ;;
    apply)
      # shellcheck disable=SC1091
      . "$dir/emulator/emulator.env"
      ;;
  esac
  tf "$dir/root" apply -no-color -auto-approve -compact-warnings -var-file=terraform.tfvars.example "$@"
}

main() { # read whole before it runs: an edit in between must not reach a running proof
  local command=${1:-} name
  [ $# -eq 0 ] || shift
  case $command in
    fmt | validate | order | timing | test | seeds | prove | permissions | plan | plan-check | checkov | all) ;;
    stack-up | stack-apply | stack-down) stack "${command#stack-}" "$@"; exit ;;
    *) sed -n '2,/^# shellcheck/s/^# \{0,1\}//p' "$0" | grep -v '^shellcheck'; exit 64 ;;
  esac
  # A folder for each command, and one run of a command at a time: several targets may be under way.
  work=.run/terraform/$command
  mkdir -p "$work"
  exec 9>"$work.lock"
  flock 9
  trap finish EXIT
  if [ "$command" = all ]; then
    for name in fmt validate order timing test seeds checkov plan-check prove permissions; do run "$name"; done
  else
    run "$command" "$@"
  fi
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
  exit
}

main "$@"
