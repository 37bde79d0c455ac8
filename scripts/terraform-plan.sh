# Sourced by scripts/terraform.sh: plan.txt, the scanner, and the timing budget's other readers.
# shellcheck shell=bash disable=SC2154 # work, venv and roots are of terraform-lib.sh and terraform.sh

# write_plans FILE: the plans of both roots for their examples, from the real provider against an empty emulated account.
write_plans() {
  local root dir
  emulator_start "$work/plan/emulator"
  export TF_VAR_api_keys
  plan_key=$(random_key)
  TF_VAR_api_keys=$(key_map "plan:$plan_key")
  for root in "${roots[@]}"; do
    dir=$work/plan/${root//\//-}
    ready "$root" "$dir"
    tf "$dir" plan -no-color -var-file=terraform.tfvars.example -out=plan.tfplan >"$dir/plan.log" 2>&1 || { tail -n 40 "$dir/plan.log"; return 1; }
    tf "$dir" show -json plan.tfplan >"$dir/plan.json"
  done
  emulator_stop "$work/plan/emulator"
  {
    echo "# The plans of terraform/bootstrap and terraform for their terraform.tfvars.example, in an empty account."
    echo "# Written by \`make plan\` with the real provider against an emulated AWS; \`make test\` writes it again and compares."
    for root in "${roots[@]}"; do
      printf '\n# --- terraform -chdir=%s plan -var-file=terraform.tfvars.example\n' "$root"
      tf "$work/plan/${root//\//-}" show -no-color plan.tfplan
    done
  } | sed 's/[[:space:]]*$//' >"$1"
}

# Account numbers other than the documentation's, paths of the machine, or a part of the key have no place in plan.txt.
plan_is_clean() { # FILE
  local bad
  [ -s "$1" ] || { echo "$1 is empty"; return 1; }
  bad=$(grep -noE '\b[0-9]{12}\b' "$1" | grep -vE ':(123456789012|111122223333)$' || true)
  [ -z "$bad" ] || { echo "account-like numbers: $bad"; return 1; }
  ! grep -nE '(^|[" =])/(home|root|tmp|work|Users|private|var/folders)/' "$1" || return 1
  ! grep -nF "$PWD" "$1" || return 1
  key_nowhere "$plan_key" "$1"
}

cmd_plan() {
  local started=$SECONDS
  write_plans plan.txt
  check "plan.txt holds no foreign account, no path, no key" plan_is_clean plan.txt
  grep -hoE '^Plan: .*' plan.txt | sed 's/^/  /'
  echo "plan.txt: $(wc -l <plan.txt) lines, $((SECONDS - started)) s"
}

cmd_plan_check() {
  local started=$SECONDS
  check "both roots can be planned" write_plans "$work/plan.txt"
  check "plan.txt is what \`make plan\` writes" diff -u plan.txt "$work/plan.txt"
  check "plan.txt holds no foreign account, no path, no key" plan_is_clean plan.txt
  echo "plan-check: $((SECONDS - started)) s"
}

# The scanner on what is written and on what is planned. A plan knows no comments; the scanner looks them up in the configuration.
cmd_checkov() {
  local started=$SECONDS root dir scanner=.tools/checkov/bin/checkov
  [ -s "$work/plan/terraform/plan.json" ] || write_plans "$work/plan.txt" >/dev/null
  for root in "${roots[@]}"; do
    dir=$work/plan/${root//\//-}
    # The bootstrap root lies inside the other's folder.
    scan "configuration, $root" "$work/configuration-${root//\//-}.json" "$scanner" --directory "$root" --framework terraform \
      --skip-path "$([ "$root" = terraform ] && echo /bootstrap/ || echo /none/)" --skip-path /tests/
    # It finds no comment for an address with two indexes, such as module.sum[0].aws_thing.this["0.0.0.0/0"].
    sed 's/\(module\.[a-z0-9-]*\)\[0\]/\1/g' "$dir/plan.json" >"$dir/scanned.json"
    scan "plan, $root" "$work/plan-${root//\//-}.json" "$scanner" --file "$dir/scanned.json" --framework terraform_plan --repo-root-for-plan-enrichment "$root"
  done
  echo "checkov: $((SECONDS - started)) s"
}

scan() { # name, result file, command
  local name=$1 result=$2 counts good bad left broken
  shift 2
  "$@" --quiet --compact --skip-download --skip-results-upload --output json >"$result" 2>"$result.err" || true
  counts=$("$venv/bin/python" - "$result" <<'END'
import json, sys
found = json.load(open(sys.argv[1]))
found = found if isinstance(found, list) else [found]
summaries = [f.get("summary", f) for f in found]
print(*(sum(s[k] for s in summaries) for k in ("passed", "failed", "skipped", "parsing_errors")))
for f in found:
    for c in f.get("results", {}).get("failed_checks", []):
        print("       ", c["check_id"], c["resource"], c["check_name"])
END
  ) || { fail "checkov, $name: no result"; tail -n 5 "$result.err"; return; }
  read -r good bad left broken <<<"$counts"
  if [ "$good" -gt 0 ] && [ "$bad" -eq 0 ] && [ "$broken" -eq 0 ]; then
    pass "checkov, $name: $good passed, $left skipped with a reason"
  else
    fail "checkov, $name: $good passed, $bad failed, $left skipped, $broken not parsed"
    tail -n +2 <<<"$counts"
  fi
}

# waits GRAPH WHAT FOR: the graph has a way from the one to the other.
waits() {
  awk -v from="$2" -v to="$3" -F'"' '
    / -> / { next_of[$2] = next_of[$2] SUBSEP $4 }
    END {
      seen[from] = 1; queue[n = 1] = from
      for (i = 1; i <= n; i++) {
        if (queue[i] == to) exit 0
        count = split(next_of[queue[i]], found, SUBSEP)
        for (j = 2; j <= count; j++) if (!(found[j] in seen)) { seen[found[j]] = 1; queue[++n] = found[j] }
      }
      exit 1
    }' "$1" || { echo "nothing makes $2 wait for $3"; return 1; }
}

# order GRAPH: every row of order.psv, one line each; fails when one does not wait.
order() {
  local what dependency bad=0
  while IFS='|' read -r what dependency _; do
    waits "$1" "${what% }" "$(tr -d ' ' <<<"$dependency")" || bad=1
  done < <(grep -v '^#' terraform/tests/order.psv)
  return "$bad"
}

cmd_order() {
  ready terraform "$work/order"
  tf "$work/order" graph >"$work/order/graph.dot"
  check "order: $(grep -vc '^#' terraform/tests/order.psv) resources wait for what AWS wants first" order "$work/order/graph.dot"
}

# budget NAME: the figure from timing.json.
budget() { sed -nE "s/^ *\"$1\": ([0-9]+),?$/\1/p" terraform/service/timing.json; }

# Each figure's copies: the budget's name | the file that repeats it | the line there, with N for the figure.
timing_copies=(
  'nginx_client_keepalive_seconds|services/nginx/nginx.conf.jinja|^    keepalive_timeout +Ns;'
  'nginx_shutdown_seconds|services/nginx/nginx.conf.jinja|worker_shutdown_timeout +Ns;'
  'nginx_client_header_seconds|services/nginx/nginx.conf.jinja|client_header_timeout +Ns;'
  'nginx_client_body_seconds|services/nginx/nginx.conf.jinja|client_body_timeout +Ns;'
  'nginx_proxy_connect_seconds|services/nginx/nginx.conf.jinja|proxy_connect_timeout +Ns;'
  'nginx_proxy_read_seconds|contract/parcels/nginx.conf|proxy_read_timeout +Ns;'
  'nginx_upstream_keepalive_seconds|contract/parcels/nginx.conf|^        keepalive_timeout +Ns;'
)

# The API prints its defaults; they are read from its source so that this needs no build.
timing_defaults=(
  'api_keep_alive_seconds|keep_alive_timeout'
  'api_body_seconds|body_timeout'
  'api_drain_grace_seconds|drain_grace'
  'api_drain_seconds|drain_timeout'
)

cmd_timing() {
  local row name file line seconds
  for row in "${timing_copies[@]}"; do
    IFS='|' read -r name file line <<<"$row"
    seconds=$(budget "$name")
    check "timing: $name = ${seconds:-?} s in $file" grep -qE "${line//N/$seconds}" "$file"
  done
  for row in "${timing_defaults[@]}"; do
    IFS='|' read -r name line <<<"$row"
    seconds=$(budget "$name")
    check "timing: $name = ${seconds:-?} s is the API's default" api_default "$line" "${seconds}s"
  done
}

api_default() { # field of the arguments, default: the attribute that stands above the field
  grep -hB 3 -E "pub $1: Duration" chassis/src/runtime/cli.rs | grep -qE "default_value = \"$2\""
}
