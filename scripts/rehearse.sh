#!/usr/bin/env bash
# Builds what is missing and rehearses for SERVICE: applies the stack to an emulated AWS and runs its task as Fargate does.
#
#   scripts/rehearse.sh [ops rehearse arguments]
#   scripts/rehearse.sh drill [ops drill arguments]
#
# docs/rehearsal.md and docs/drills.md list what this proves. A part that cannot run prints `SKIPPED: name: reason`. The
# last line is `N passed, N failed, N skipped`.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=scripts/service.sh
. scripts/service.sh
export TF_IN_AUTOMATION=1 TF_INPUT=0 CHECKPOINT_DISABLE=1

command=rehearse
if [ "${1:-}" = drill ]; then command=drill && shift; fi
work=.run/$command
mkdir -p "$work"

skip_all() {
  echo "SKIPPED: $command: $1"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
}

for tool in crun haproxy nginx openssl curl; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
${XTASK:-cargo xtask} tools emulator >"$work/tools.log" || skip_all "$(tail -n 1 "$work/tools.log")"
# Find the provider here: the rehearsal runs in namespaces that have no other network.
status=0
${XTASK:-cargo xtask} terraform ready terraform "$work/root" >"$work/ready.log" || status=$?
[ "$status" -ne 69 ] || skip_all "$(cat "$work/ready.log")"
[ "$status" -eq 0 ]

cargo build --quiet --locked --release -p "$name" -p sidecar
arguments=(--stack "$PWD/$work/root")
if [ "$command" = rehearse ]; then
  arguments+=(--contract "$(${XTASK:-cargo xtask} suites --print contract | tail -n 1)")
fi
[ -n "${OPS:-}" ] || cargo build --quiet --locked -p ops

exec "${OPS:-target/debug/ops}" "$command" "${arguments[@]}" "$@"
