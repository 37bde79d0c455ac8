#!/usr/bin/env bash
# Two changes that a team makes, in scratch copies of this tree: a new service, and another operation in services/sum. Each must
# work at once, and touch nothing but what docs/adopt.md says.
#
# The copies share target/, so what was compiled once is not compiled again.
# shellcheck disable=SC2317  # `check` and `trap` call the functions by their names
# shellcheck disable=SC2030,SC2031  # the subshell that plans has the variables of terraform-lib.sh
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD work=$PWD/.run/service
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
unset SERVICE

passed=0 failed=0
check() { # NAME COMMAND...
  local name=$1 said=$work/said
  shift
  if "$@" >"$said" 2>&1; then
    passed=$((passed + 1)) && printf 'ok      %s\n' "$name"
  else
    failed=$((failed + 1)) && printf 'FAILED  %s\n' "$name" && tail -n 40 "$said" | sed 's/^/        /'
  fi
}
equal() { [ "$1" = "$2" ] || { diff <(printf '%s\n' "$1") <(printf '%s\n' "$2"); return 1; }; }

# A copy of the tree as it is, with a history of its own, so that Git tells what changed in it. The modification times stay:
# Cargo compares them.
copy() { # NAME
  rm -rf "${work:?}/$1"
  mkdir -p "$work/$1"
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [ ! -e "$file" ] || printf '%s\0' "$file"
  done | tar --create --null --files-from=- | tar --extract --directory "$work/$1"
  ln -s "$root/.tools" "$work/$1/.tools"
  cd "$work/$1"
  git init --quiet
  git add --all
  git -c user.name=test -c user.email=test@example.com -c commit.gpgsign=false commit --quiet --message copy
}
changed() { git status --porcelain --untracked-files=all | sed 's/^...//'; }
contract() { CONTRACT_SERVICE=$1 cargo test --quiet --locked -p contract >"$work/contract-$1.log" 2>&1 || { tail -n 40 "$work/contract-$1.log"; return 1; }; }
summary() { sed -n '/^test result: /{s///p;q}' "$work/contract-$1.log"; }

# ── Names ────────────────────────────────────────────────────────────────────────────────────────────

cargo build --quiet --locked -p ops
mkdir -p "$work"
cp "$CARGO_TARGET_DIR/debug/ops" "$work/ops"
copy new
refused() { # NAME
  local status=0
  "$work/ops" service create "$1" >"$work/refused" 2>&1 || status=$?
  cat "$work/refused"
  [ "$status" -eq 64 ] && [ "$(wc -l <"$work/refused")" -eq 1 ] && equal '' "$(changed)"
}
for name in '' Orders my_orders 1st a-name-of-17-char orders- my--orders ../orders nginx sum sum-api x-nginx test core fn deps chassis hyper \
  serde-json aws-orders ssm internal sg-1; do
  check "the name '$name' is refused, and nothing is written" refused "$name"
done
# A signal while Cargo writes the lock file, which here never ends.
interrupted() { # SIGNAL
  printf '#!/bin/sh\ntouch "%s"\nexec sleep 60\n' "$work/cargo-runs" >"$work/cargo" && chmod +x "$work/cargo"
  rm -f "$work/cargo-runs"
  CARGO=$work/cargo "$work/ops" service create my-orders &
  local ops=$!
  for _ in $(seq 100); do [ -e "$work/cargo-runs" ] && break; sleep 0.05; done
  [ -e "$work/cargo-runs" ]
  kill -s "$1" "$ops"
  ! wait "$ops" && equal '' "$(changed)" && equal '' "$(ls .run)"
}
for signal in INT TERM HUP; do check "a SIG$signal leaves nothing behind" interrupted "$signal"; done
# The last rename fails, because the folder of the service has come into being meanwhile.
in_the_way() {
  printf '#!/bin/sh\nmkdir -p services/my-orders/x\nexec cargo "$@"\n' >"$work/cargo" && chmod +x "$work/cargo"
  ! CARGO=$work/cargo "$work/ops" service create my-orders && rm -r services/my-orders && equal '' "$(changed)" && equal '' "$(ls .run)"
}
check "a fault at the last step takes back the steps before it" in_the_way

# ── A new service ────────────────────────────────────────────────────────────────────────────────────

started=$SECONDS new=my-orders
check "make service NAME=$new" make --no-print-directory service NAME=$new
created=$(printf '%s\n' Cargo.lock docker-compose.yaml terraform/services.tf services/$new/{Cargo.toml,contract/greet.json,nginx.conf,openapi.json,src/lib.rs,src/main.rs,tests/integration/main.rs})
check "it writes the folder of the service and the generated files, and nothing else" equal "$(sort <<<"$created")" "$(changed | sort)"
check "the generated files are those of the documents" "$work/ops" service check
check "Compose has both containers" grep -qzP "\n  $new:\n(.|\n)*\n  $new-nginx:\n" docker-compose.yaml

compiles() { cargo fmt --check --package $new && cargo clippy --quiet --locked --package $new --all-targets -- -D warnings; }
check "it is formatted, and clippy is content" compiles
check "its tests pass" cargo test --quiet --locked --package $new
# It waits for limits and deadlines more than it computes, so it runs beside what follows.
contract $new &
contract=$!

# The plan of an environment that has this service alone, from a mocked provider.
planned() (
  # shellcheck source=scripts/terraform-lib.sh
  . scripts/terraform-lib.sh
  work=.run/plan
  mkdir -p "$work"
  find_provider
  [ -z "$missing" ] || { echo "$missing"; exit 1; }
  ready terraform "$work/terraform"
  cat >"$work/terraform/tests/new.tftest.hcl" <<END
mock_provider "aws" {
  source = "./tests/mocks"
}
variables {
  images = { $new = {
    api   = "123456789012.dkr.ecr.us-east-1.amazonaws.com/$new/api@sha256:$(printf '1%.0s' $(seq 64))"
    nginx = "123456789012.dkr.ecr.us-east-1.amazonaws.com/$new/nginx@sha256:$(printf '2%.0s' $(seq 64))"
  } }
  services = { $new = { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000" } }
  api_keys = { $new = "offline-test-key" }
}
run "new" {
  command = plan
}
END
  tf "$work/terraform" test -no-color -verbose -filter=tests/new.tftest.hcl -var-file=terraform.tfvars.example >"$work/log" 2>&1 ||
    { tail -n 30 "$work/log"; exit 1; }
)
in_plan() { grep -qE "$1" .run/plan/log || { grep -c . .run/plan/log; return 1; }; }
check "terraform plans it" planned
for resource in aws_ecs_service aws_lb aws_cloudwatch_metric_alarm aws_cloudwatch_dashboard aws_cloudwatch_query_definition; do
  check "the plan has $resource of it" in_plan "^  # module\.$new\[0\]\.$resource\."
done

# Ports for a stack beside any other.
read -r API_PORT SIDECAR_PORT METRICS_PORT < <(shuf -i 20000-29999 -n 3 | paste -sd ' ')
export API_PORT SIDECAR_PORT METRICS_PORT
trap 'cd "$work/new" && make --no-print-directory down SERVICE=$new >/dev/null 2>&1 || true' EXIT
check "make up SERVICE=$new" make --no-print-directory up SERVICE=$new
# The command that `make up` suggests, as a person would paste it.
suggested() { equal '{"greeting":"Hello, Ada!"}' "$(bash -c "$(make --no-print-directory up SERVICE=$new | sed -n 's/^  curl /curl -sS /p')")"; }
check "the command that it suggests has the answer of the document" suggested
check "make down SERVICE=$new" make --no-print-directory down SERVICE=$new
unset API_PORT SIDECAR_PORT METRICS_PORT
check "the contract holds for it" wait "$contract"
echo "        $(summary $new); $((SECONDS - started)) s for the new service"
check "afterwards nothing else has changed" equal "$(sort <<<"$created")" "$(changed | sort)"

# ── Another operation ────────────────────────────────────────────────────────────────────────────────

cd "$root"
copy adopt
started=$SECONDS
check "docs/adopt.md can be followed" env SERVICE=sum "$work/ops" examples --page docs/adopt.md
others() { equal '' "$(changed | grep -v '^services/sum/' || true)" && [ "$(changed | grep -c '^services/sum/')" -ge 6 ]; }
check "it touches files of services/sum/ only" others
compiles_adopted() { cargo fmt --check --package sum-api && cargo clippy --quiet --locked --package sum-api --all-targets -- -D warnings; }
check "the result is formatted, and clippy is content" compiles_adopted
check "its tests pass" cargo test --quiet --locked --package sum-api
check "the contract holds for it" contract sum
echo "        $(summary sum); $((SECONDS - started)) s for the other operation"
check "it still touches files of services/sum/ only" others

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
