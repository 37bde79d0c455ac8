#!/usr/bin/env bash
# What CI (CI=true) asks of a run of `make test` beyond steps that pass: every skip is one that
# scripts/skips.txt lists, and the work tree is as git has it.
#
#   scripts/test_verdict.sh STEP ...    the steps that ran; reads .run/test/STEP.log of each
#
# A listed skip that did not occur is reported and fails nothing: not every machine lacks the same.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0
wrong() { failed=1; printf 'FAILED  %s\n' "$1"; }

# skips LOG: the text of each skip. A skip that is only counted must not pass as none.
skips() {
  sed -n 's/^SKIPPED: //p' "$1"
  sed -nE 's/^test result: .* ([1-9][0-9]*) ignored.*/\1 ignored tests/p' "$1"
  grep -q '^SKIPPED: ' "$1" || sed -nE 's/^[0-9]+ passed, [0-9]+ failed, ([1-9][0-9]*) skipped$/\1 skips without a name/p' "$1"
}

# matches TEXT SKIP: `…` in the listed text stands for anything.
matches() { if [[ $1 == *…* ]]; then [[ $2 == "${1%%…*}"*"${1#*…}" ]]; else [ "$1" = "$2" ]; fi; }

declare -A occurred=()
mapfile -t listed < <(grep -vE '^(#|$)' scripts/skips.txt)
for line in "${listed[@]}"; do
  [[ $line =~ ^[a-z-]+\ \|\ .+\ \|\ .+$ ]] || wrong "scripts/skips.txt: not \`step | skip | reason\`: $line"
done
for step in "$@"; do
  while IFS= read -r skip; do
    known=
    for line in "${listed[@]}"; do
      text=${line#* | }
      if [ "${line%% | *}" = "$step" ] && matches "${text%% | *}" "$skip"; then known=$line; fi
    done
    if [ -n "$known" ]; then occurred[$known]=yes; else wrong "$step skipped what scripts/skips.txt does not list: $skip"; fi
  done < <(skips ".run/test/$step.log")
  for line in "${listed[@]}"; do
    if [ "${line%% | *}" = "$step" ] && [ -z "${occurred[$line]:-}" ]; then printf 'listed, but not skipped here: %s\n' "${line% | *}"; fi
  done
done

left=$(git status --porcelain --ignored | grep -vE '^!! (target|\.run|\.tools)/$' || true)
[ -z "$left" ] || wrong "the work tree is not clean: $left"
exit "$failed"
