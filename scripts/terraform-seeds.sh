# Sourced by scripts/terraform.sh: plants each defect of terraform/tests/seeds.psv in a copy and wants it found.
# shellcheck shell=bash disable=SC2154,SC2034 # roots and work are of terraform.sh; it counts what pass and fail say

# group ROOT TEST ROW...: plants the rows in one copy, runs the test, and wants every message.
group() {
  local root=$1 test=$2 whole=$1 copy log=$work/seeds/log row file old new message lost=0
  shift 2
  # The module is planted in a copy of the root that holds it.
  [ "$root" != terraform/service ] || whole=terraform
  copy=$work/seeds/copy/$whole
  rm -rf "$copy"
  mkdir -p "${copy%/*}"
  cp -R "$work/seeds/${whole//\//-}" "$copy"
  copy=$copy${root#"$whole"}
  for row in "$@"; do
    IFS=$'\2' read -r file old new _ <<<"$row"
    cp "$copy/$file" "$work/seeds/before"
    OLD=$old NEW=$new perl -0pi -e 's/\Q$ENV{OLD}\E/$ENV{NEW}/g' "$copy/$file"
    ! cmp -s "$copy/$file" "$work/seeds/before" || fail "seed: $file holds no $old"
  done
  case $test in
    order) tf "$work/seeds/copy/$whole" graph >"$copy/graph.dot" && order "$copy/graph.dot" >"$log" 2>&1 || true ;;
    refused) scripts/terraform-refused.sh "$copy" >"$log" 2>&1 || true ;;
    two_services) two_services "$copy" >"$log" 2>&1 || true ;;
    *) with_shared "$root" "$copy" "-filter=tests/$test.tftest.hcl" >"$log" 2>&1 || true ;;
  esac
  for row in "$@"; do
    IFS=$'\2' read -r file old new message <<<"$row"
    if tr -s '\n ' ' ' <"$log" | grep -qF -- "$message"; then pass "seed: $file: $message"; else fail "seed: $file: not found: $message"; lost=1; fi
  done
  [ "$lost" -eq 0 ] || tail -n 60 "$log" | sed 's/^/        /'
}

cmd_seeds() {
  local root row fields key number=0 started=$SECONDS
  local -A groups=() said=()
  for root in "${roots[@]}"; do ready "$root" "$work/seeds/${root//\//-}"; done
  rm -rf "$work/seeds/copy"
  mkdir -p "$work/seeds/copy"
  cp -R "$work/seeds/services" "$work/seeds/contract" "$work/seeds/copy/"
  second_document "$work/seeds/copy"
  ready_service "$work/seeds/terraform"
  while IFS= read -r row; do
    # `\|` is a `|` of the text.
    row=${row//\\|/$'\1'}
    mapfile -t fields < <(tr '|' '\n' <<<"$row" | sed 's/^ *//; s/ *$//; s/\x01/|/g')
    key=${fields[0]}$'\2'${fields[4]}$'\2'
    # What has a message of its own in the group joins it.
    while [ -n "${said["$key$number${fields[5]}"]:-}" ]; do number=$((number + 1)); done
    said["$key$number${fields[5]}"]=yes
    groups["$key$number"]+=${fields[1]}$'\2'${fields[2]}$'\2'${fields[3]}$'\2'${fields[5]}$'\n'
    number=0
  done < <(grep -v '^#' terraform/tests/seeds.psv)
  for key in "${!groups[@]}"; do
    IFS=$'\2' read -r root row _ <<<"$key"
    mapfile -t fields < <(printf '%s' "${groups[$key]}")
    group "$root" "$row" "${fields[@]}"
  done
  echo "seeds: $((SECONDS - started)) s"
}
