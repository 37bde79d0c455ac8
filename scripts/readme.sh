#!/usr/bin/env bash
# Runs the commands of README.md's `console` blocks, in order, and compares what they print.
#
# A line that starts with "$ " is a command, the lines up to the next one are its standard output; `…`
# stands for anything within a line. Needs the ports of the contract, so it is skipped, aloud, where
# they are taken.
set -euo pipefail
cd "$(dirname "$0")/.."
unset MAKEFLAGS MAKELEVEL # a make inside of make talks about directories

for port in 8080 8081; do
  if { : <"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null; then
    echo "SKIPPED: readme: port $port is in use"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
  fi
done
trap 'scripts/down.sh >/dev/null' EXIT

passed=0 failed=0
check() { # COMMAND EXPECTED
  local actual line pattern expected=()
  # Whatever a command leaves running must not hold our end of a pipe open, so its output goes to a file.
  bash -c "$1" >.run/readme.out 2>.run/readme.err </dev/null || true
  mapfile -t actual < <(sed 's/[[:space:]]*$//' .run/readme.out; echo)
  mapfile -t expected <<<"$2"
  while [ ${#actual[@]} -gt 0 ] && [ -z "${actual[-1]}" ]; do unset 'actual[-1]'; done
  while [ ${#expected[@]} -gt 0 ] && [ -z "${expected[-1]}" ]; do unset 'expected[-1]'; done
  local same=yes
  [ ${#actual[@]} -eq ${#expected[@]} ] || same=
  for line in "${!expected[@]}"; do
    pattern=${expected[$line]//\\/\\\\}
    pattern=${pattern//\*/\\*} pattern=${pattern//\?/\\?} pattern=${pattern//\[/\\[}
    # shellcheck disable=SC2053 # a pattern is meant
    [[ ${actual[$line]-} == ${pattern//…/*} ]] || same=
  done
  if [ -n "$same" ]; then
    passed=$((passed + 1))
    echo "ok      $1"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n--- README.md\n%s\n--- now\n' "$1" "$2"
    cat .run/readme.out .run/readme.err
  fi
}

mkdir -p .run
command='' output=''
while IFS= read -r line; do
  case $line in
    '$ '*)
      [ -z "$command" ] || check "$command" "$output"
      command=${line#'$ '} output=''
      ;;
    *) output+=$line$'\n' ;;
  esac
done < <(awk '/^```console$/ { inside = 1; next } /^```$/ { inside = 0 } inside' README.md)
[ -z "$command" ] || check "$command" "$output"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
