#!/usr/bin/env bash
# Runs every proof of this repository, one step after another, and adds up what the steps counted.
#
#   scripts/test.sh             every step
#   scripts/test.sh NAME ...    the named steps only
#
# A step's output goes to .run/test/NAME.log; a step that fails shows the end of it. A check that
# could not run prints `SKIPPED: name: reason` and counts as skipped, never as passed. The last line
# is the sum: `N passed, N failed, N skipped`. With CI=true, scripts/test_verdict.sh judges the skips and
# the work tree as well.
set -euo pipefail
cd "$(dirname "$0")/.."

# name | command. Roughly from the quickest verdict to the slowest.
steps=(
  "format|cargo fmt --all --check"
  "clippy|cargo clippy --locked --workspace --all-targets -- -D warnings"
  "docs|env RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --document-private-items"
  "lint|scripts/lint.sh"
  "lint-seeds|scripts/lint_seeds.sh"
  "test-seeds|scripts/test_seeds.sh"
  "chassis|cargo test --locked -p chassis --features test-support -- --show-output"
  "sidecar|cargo test --locked -p sidecar -- --show-output"
  "api|cargo test --locked --workspace --exclude chassis --exclude contract --exclude ops --exclude parcels --exclude sidecar -- --show-output"
  "service|scripts/test_service.sh"
  "contract|cargo test --locked -p contract -- --show-output"
  "newer-nginx|scripts/newer_nginx.sh"
  "terraform|scripts/terraform.sh all"
  "ops|cargo test --locked -p ops -- --show-output"
  "gates|scripts/gates.sh"
  "dashboard|scripts/dashboard.sh check"
  "diagram|scripts/diagram.sh check"
  "workflows|scripts/test_workflows.sh"
  "deploy|scripts/test_deploy.sh"
  "rehearse|scripts/rehearse.sh"
  "drill|scripts/rehearse.sh drill"
  "containers|scripts/test-containers.sh"
  "readme|scripts/readme.sh"
)
# scripts/test_seeds.sh plants steps of its own.
[ -z "${TEST_STEPS:-}" ] || mapfile -t steps <"$TEST_STEPS"

logs=.run/test
mkdir -p "$logs"
passed=0 failed=0 skipped=0

# Adds up the closing lines of cargo's test runner and of our own scripts. A step that counts nothing
# (a formatter, a linter) is one check. A test that skipped itself has returned normally, so the
# runner took it for passed.
count() {
  awk '
    /^test result: / { for (i = 1; i <= NF; i++) { if ($(i+1) ~ /^passed/) p += $i; if ($(i+1) ~ /^failed/) f += $i; if ($(i+1) ~ /^ignored/) s += $i }; counted = 1; next }
    /^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ { p += $1; f += $3; s += $5; counted = 1; own = 1; next }
    /^SKIPPED: / { k++ }
    END { if (!own) { p -= k; s += k }; if (!counted) { p = 0; f = 0 }; print (counted ? "yes" : "no"), p + 0, f + 0, s + 0 }' "$1"
}

run_step() {
  local name=$1 command=$2 log=$logs/$1.log started=$SECONDS status=0 counted p f s
  bash -c "$command" >"$log" 2>&1 </dev/null || status=$?
  read -r counted p f s < <(count "$log")
  if [ "$counted" = no ]; then
    if [ "$status" -ne 0 ]; then f=1; elif [ "$s" -eq 0 ]; then p=1; else p=0; fi
  elif [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
    f=1
  elif [ $((p + f + s)) -eq 0 ]; then
    echo "the step counted, and found nothing to check" >>"$log"
    f=1
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  printf '%-12s %4d passed %3d failed %3d skipped  %4d s\n' "$name" "$p" "$f" "$s" "$((SECONDS - started))"
  grep -h '^SKIPPED: ' "$log" | sed 's/^/    /' || true
  if [ "$f" -gt 0 ]; then
    printf '    --- the end of %s\n' "$log"
    tail -n 60 "$log" | sed 's/^/    /'
  fi
}

known=" $(printf '%s\n' "${steps[@]}" | cut -d'|' -f1 | tr '\n' ' ')"
for name in "$@"; do
  case $known in
    *" $name "*) ;;
    *) echo "no such step: $name (there are:$known)" >&2; exit 64 ;;
  esac
done

# What the steps need and the machine may lack. Not a check, so it counts as nothing, but it must work.
scripts/packages.sh nginx haproxy ip setpriv openssl curl jq
scripts/tools.sh
# shellcheck source=scripts/terraform-lib.sh
. scripts/terraform-lib.sh
work=$logs
find_python terraform/emulator/requirements.txt
[ -z "$missing" ] || echo "No emulated AWS: $missing"

# Runs the named steps, in the order of the list.
run_steps() {
  local step named=" $* "
  for step in "${steps[@]}"; do
    if [[ $named == *" ${step%%|*} "* ]]; then run_step "${step%%|*}" "${step#*|}"; fi
  done
}

sum_up() { printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"; }

# These wait more than they compute, for an emulator's polls and a drill's minutes. In a run of everything each
# line goes on beside the rest.
lanes=("terraform" "drill" "deploy rehearse")

if [ $# -gt 0 ]; then
  run_steps "$@"
else
  rest=$known
  for lane in "${!lanes[@]}"; do
    for name in ${lanes[lane]}; do rest=${rest/ $name / }; done
    # shellcheck disable=SC2086 # words are meant
    { run_steps ${lanes[lane]}; sum_up; } >"$logs/lane-$lane.out" 2>&1 &
  done
  # shellcheck disable=SC2086 # words are meant
  run_steps $rest
  wait
  for lane in "${!lanes[@]}"; do
    sed '$d' "$logs/lane-$lane.out"
    tail -n 1 "$logs/lane-$lane.out" >"$logs/lane-$lane.log"
    read -r counted p f s < <(count "$logs/lane-$lane.log")
    # A lane that did not come to its last line has failed, whatever it had counted by then.
    if [ "$counted" = no ]; then
      f=1
      cat "$logs/lane-$lane.log"
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  done
fi

if [ "${CI:-}" = true ]; then
  # shellcheck disable=SC2086 # words are meant
  [ $# -gt 0 ] || set -- $known
  scripts/test_verdict.sh "$@" || failed=$((failed + 1))
fi
sum_up
[ "$failed" -eq 0 ]
