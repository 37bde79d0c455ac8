#!/usr/bin/env bash
# Gives every value of ROOT/tests/refused.psv to the variables of ROOT, and compares what Terraform says.
#
#   scripts/terraform-refused.sh ROOT   each case is laid over the root's example, which is accepted
#
# Variables need no provider, so only the files that declare them, and the locals that they need, are taken: a case costs a tenth of
# a second. The module's example is tests/shared.tfvars with the document of `sum`; there, a case that begins with a dot edits the
# document with jq.
set -euo pipefail
root=$(cd "$1" && pwd)
example=$root/terraform.tfvars.example document=$root/../../services/sum/openapi.json
if [ ! -e "$example" ]; then example=$root/tests/shared.tfvars; else document=; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp "$root"/variables*.tf "$work/"
if [ -n "$document" ]; then cp "$root"/{document,fargate,locals}.tf "$work/"; fi
# The first block of services.tf lists the folders.
if [ -e "$root/services.tf" ]; then sed '/^}/q' "$root/services.tf" >"$work/folders.tf"; fi
cd "$work"
terraform init -no-color >/dev/null
export TF_VAR_api_key=${TF_VAR_api_key:-accepted-key}

failed=0 count=0 newline=$'\n'
: >seen
wrong() { failed=$((failed + 1)); printf 'FAILED  %s: %s\n' "$1" "$2"; }

while IFS= read -r line; do
  [[ $line != '#'* && -n $line ]] || continue
  given=${line% | *} expected=${line##* | }
  count=$((count + 1))
  edit=. files=("-var-file=$example" -var-file=case.tfvars)
  if [[ $given == .* ]]; then edit=$given; : >case.tfvars; else printf "%s\n" "${given//  /$newline}" >case.tfvars; fi
  if [ -n "$document" ]; then jq "{ document: ($edit) }" "$document" >document.tfvars.json; files+=(-var-file=document.tfvars.json); fi
  terraform plan -no-color -json -input=false -lock=false "${files[@]}" >said 2>&1 && accepted=yes || accepted=no
  grep -oE 'validation rule at variables[a-z_]*\.tf:[0-9]+' said | sed 's/.* at //' >>seen || true
  if [ "$expected" = accepted ]; then
    [ "$accepted" = yes ] || wrong "$given" "refused"
  elif [ "$accepted" = yes ]; then
    wrong "$given" "accepted"
  elif ! sed 's/\\u003c/</g; s/\\u003e/>/g; s/\\"/"/g' said | grep -qF "\"detail\":\"$expected"; then
    wrong "$given" "not with the message \"$expected\""
  fi
done <"$root/tests/refused.psv"

# Every validation block must have refused something, whoever wrote it.
blocks=$(grep -nHE '^  validation \{' variables*.tf | cut -d: -f1,2 | sort)
while IFS= read -r block; do
  grep -qxF "$block" seen || wrong "$block" "this validation refuses no case of refused.psv"
done <<<"$blocks"

echo "refused.psv: $count cases against $(wc -l <<<"$blocks") validations"
echo "$((count + $(wc -l <<<"$blocks") - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
