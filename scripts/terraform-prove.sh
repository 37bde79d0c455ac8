# Sourced by scripts/terraform.sh: the stack's whole life against an emulated AWS, once for each network.
# shellcheck shell=bash disable=SC2154,SC2030,SC2031,SC2034 # work and venv are of terraform.sh; a subshell counts into a file

# network_variables NETWORK FILE: what each network is proved with: an example, and what the emulator needs besides.
network_variables() {
  case $1 in
    # A hosted zone of the emulator's in place of the placeholder: certificate and records are made as for real.
    private)
      cp "${2%/*}/terraform.tfvars.example" "$2"
      set_service "$2" sum 'enable_waf = true' "zone_id = \"$(probe zone example.com)\""
      ;;
    default-vpc) cp "${2%/*}/trial.tfvars.example" "$2" ;;
  esac
}

plan_status() { # DIR, expected exit code, arguments
  local dir=$1 expected=$2 status=0
  shift 2
  tf "$dir" plan -no-color -compact-warnings -detailed-exitcode -out=plan.tfplan "$@" >"$dir/plan.log" 2>&1 || status=$?
  [ "$status" -eq "$expected" ] || { echo "exit code $status, expected $expected"; tail -n 40 "$dir/plan.log"; return 1; }
}

apply() { # DIR, arguments; the plan was made and saved before
  local dir=$1
  shift
  tf "$dir" apply -no-color -auto-approve -compact-warnings "$@" >"$dir/apply.log" 2>&1 || { tail -n 40 "$dir/apply.log"; return 1; }
}

summary() { grep -hoE '(Resources: |Plan: ).*' "$1" | tail -n 1; }

planned() { sed -nE 's/^  # ([^ ]+) (will|must) be .*/\1/p' "$1" | sort | tr '\n' ' '; }

same() { # expected, found
  [ "$1" = "$2" ] || { printf 'expected: %s\nfound:    %s\n' "$1" "$2"; return 1; }
}

# key_nowhere KEY FILE...: neither the key, nor a word of it, nor either in base64, in any of the files.
key_nowhere() {
  local key=$1 file word found=0
  shift
  for file in "$@"; do
    [ -s "$file" ] || { echo "nothing to look into: $file"; return 1; }
    for word in "$key" ${key//./ } "$(printf %s "$key" | base64 -w 0 | cut -c 1-40)"; do
      if grep -qaF -- "$word" "$file"; then echo "a part of the key is in $file"; found=1; fi
    done
  done
  return "$found"
}

task_definition_is() { # SERVICE, jq-like assertion in Python over `task`
  probe task-definition "$1" | "$venv/bin/python" -c "import json, sys; task = json.load(sys.stdin); sys.exit(not ($2))"
}

# phase NAME: from here on the emulator's calls belong to this part of the stack's life; terraform/permissions asks whose rights
# must do for it.
phase() { printf '{"phase": "%s"}\n' "$1" >>"$emulator/calls"; }

prove_network() {
  local network=$1 dir=$work/$1 emulator=$work/emulator-$1 id environment=production started old_key new_key
  local variables=$work/$1/proof.tfvars arguments=(-var-file=proof.tfvars) parameter digest=3333333333333333333333333333333333333333333333333333333333333333
  [ "$network" = private ] || environment=trial
  id=sum-api-$environment parameter=/sum-api/$environment/api-key
  echo "--- network = $network"
  emulator_start "$emulator"
  ready terraform "$dir"
  network_variables "$network" "$variables"
  old_key=$(random_key)
  export TF_VAR_api_keys
  TF_VAR_api_keys=$(key_map "proof:$old_key")

  started=$SECONDS
  phase plan
  check "$network: plan" plan_status "$dir" 2 "${arguments[@]}"
  tf "$dir" show -json plan.tfplan >"$dir/plan.json"
  unzip -p "$dir/plan.tfplan" >"$dir/plan.parts"
  phase apply
  check "$network: apply" apply "$dir" plan.tfplan
  echo "        $(summary "$dir/apply.log") $((SECONDS - started)) s"
  grep -q '^Apply complete' "$dir/apply.log" || { emulator_stop "$emulator"; return; } # all that follows stands on it
  tf "$dir" show -json >"$dir/state.json"
  started=$SECONDS
  phase plan
  check "$network: the second plan is empty" plan_status "$dir" 0 "${arguments[@]}"
  phase apply
  echo "        $((SECONDS - started)) s"
  probe task-definition "$id" >"$dir/task.json"
  check "$network: the parameter is a SecureString with the key" same "SecureString proof:$old_key" "$(probe parameter "$parameter")"
  check "$network: the key is in neither state, plan, plan JSON nor task definition" \
    key_nowhere "$old_key" "$dir/terraform.tfstate" "$dir/plan.parts" "$dir/plan.json" "$dir/task.json" "$dir/apply.log"

  probe drift "$id"
  check "$network: a change behind Terraform's back is seen" plan_status "$dir" 2 "${arguments[@]}"
  check "$network: and it is that change alone" same "module.sum[0].aws_lb.this " "$(planned "$dir/plan.log")"
  check "$network: apply mends it" apply "$dir" plan.tfplan

  set_image "$variables" sum api "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/api@sha256:$digest"
  check "$network: a new image is planned" plan_status "$dir" 2 "${arguments[@]}"
  check "$network: it replaces the task definition and updates the service" same \
    "module.sum[0].aws_ecs_service.this module.sum[0].aws_ecs_task_definition.this " "$(planned "$dir/plan.log")"
  check "$network: it is deployed" apply "$dir" plan.tfplan
  check "$network: the service runs it" task_definition_is "$id" "any(c['image'].endswith('$digest') for c in task['containerDefinitions'])"
  check "$network: the plan after it is empty" plan_status "$dir" 0 "${arguments[@]}"

  new_key=$(random_key)
  TF_VAR_api_keys=$(key_map "proof:$old_key,proof:$new_key")
  check "$network: a new key without a new version changes nothing" plan_status "$dir" 0 "${arguments[@]}"
  set_service "$variables" sum 'api_key_version = 2'
  check "$network: a rotation is planned" plan_status "$dir" 2 "${arguments[@]}"
  check "$network: it writes the parameter and starts new tasks" same \
    "module.sum[0].aws_ecs_service.this module.sum[0].aws_ecs_task_definition.this module.sum[0].aws_ssm_parameter.api_key[0] " "$(planned "$dir/plan.log")"
  check "$network: it is applied" apply "$dir" plan.tfplan
  check "$network: SSM holds both keys" same "SecureString proof:$old_key,proof:$new_key" "$(probe parameter "$parameter")"
  check "$network: the new key is nowhere either" key_nowhere "$new_key" "$dir/terraform.tfstate" "$dir/apply.log"

  : >"$emulator/rollback"
  set_service "$variables" sum 'api_key_version = 3'
  check "$network: an apply that ECS rolls back fails, and says so" rolled_back "$dir" "${arguments[@]}"
  rm "$emulator/rollback"

  # So the calls of both networks are recorded with WAF and without it.
  set_service "$variables" sum 'api_key_version = 2' "enable_waf = $([ "$network" = private ] && echo false || echo true)"
  check "$network: WAF is switched over" apply "$dir" "${arguments[@]}"

  started=$SECONDS
  phase destroy
  check "$network: destroy" destroyed "$dir" "${arguments[@]}"
  check "$network: nothing is left" same "" "$(tf "$dir" state list 2>/dev/null)$(probe left "$id")"
  echo "        $(grep -hoE 'Resources: .*' "$dir/destroy.log" | tail -n 1) $((SECONDS - started)) s"
  cp "$emulator/calls" "$dir/calls"
  emulator_stop "$emulator"
}

rolled_back() {
  local dir=$1
  shift
  if apply "$dir" "$@" >/dev/null; then echo "the apply succeeded"; return 1; fi
  grep -q 'ECS rolled the deployment back' "$dir/apply.log" || { tail -n 40 "$dir/apply.log"; return 1; }
}

destroyed() {
  local dir=$1
  shift
  apply "$dir" "$@" -var=deletion_protection=false || return 1
  tf "$dir" apply -destroy -no-color -auto-approve -compact-warnings "$@" -var=deletion_protection=false >"$dir/destroy.log" 2>&1 ||
    { tail -n 40 "$dir/destroy.log"; return 1; }
}

# The root that is applied once. It is not destroyed: prevent_destroy keeps the states.
prove_bootstrap() {
  local dir=$work/bootstrap emulator=$work/emulator-bootstrap started=$SECONDS arguments=(-var-file=terraform.tfvars.example)
  echo "--- bootstrap"
  emulator_start "$emulator"
  ready terraform/bootstrap "$dir"
  check "bootstrap: plan" plan_status "$dir" 2 "${arguments[@]}"
  check "bootstrap: apply" apply "$dir" plan.tfplan
  tf "$dir" show -json >"$dir/state.json"
  echo "        $(summary "$dir/apply.log") $((SECONDS - started)) s"
  grep -q '^Apply complete' "$dir/apply.log" || { emulator_stop "$emulator"; return; }
  check "bootstrap: the second plan is empty" plan_status "$dir" 0 "${arguments[@]}"
  check "bootstrap: its states cannot be destroyed by a slip" kept "$dir" -destroy "${arguments[@]}"
  emulator_stop "$emulator"
}

kept() {
  local dir=$1
  if apply "$@" >/dev/null; then echo "it was destroyed"; return 1; fi
  grep -q 'Instance cannot be destroyed' "$dir/apply.log" || { tail -n 20 "$dir/apply.log"; return 1; }
}

# The networks at once, each with an emulator of its own: most of the time goes into the provider's waiting.
cmd_prove() {
  local network networks=("$@") pids=() good bad
  [ $# -gt 0 ] || networks=(private default-vpc)
  prove_bootstrap
  for network in "${networks[@]}"; do
    rm -f "$work/$network.counts"
    (
      trap finish EXIT
      passed=0 failed=0 emulators=()
      prove_network "$network"
      echo "$passed $failed" >"$work/$network.counts"
    ) >"$work/$network.log" 2>&1 &
    pids+=($!)
  done
  for network in "${networks[@]}"; do
    wait "${pids[0]}" || true
    pids=("${pids[@]:1}")
    cat "$work/$network.log"
    if read -r good bad <"$work/$network.counts"; then
      passed=$((passed + good)) failed=$((failed + bad))
    else
      fail "$network: the proof did not end"
    fi
  done
}
