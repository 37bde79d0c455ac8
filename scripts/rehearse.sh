#!/usr/bin/env bash
# Builds what is missing and rehearses for SERVICE: the stack applied to an emulated AWS, its task run as Fargate would.
#
#   scripts/rehearse.sh [ops rehearse arguments]    for instance --walls none
#   scripts/rehearse.sh drill [ops drill arguments]
#
# docs/rehearsal.md and docs/drills.md say what is proved. What cannot run says `SKIPPED: name: reason`; the last line
# counts: `N passed, N failed, N skipped`.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=scripts/service.sh
. scripts/service.sh
# shellcheck source=scripts/terraform-lib.sh
. scripts/terraform-lib.sh

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
find_provider
[ -n "$missing" ] || find_python terraform/emulator/requirements.txt
[ -z "$missing" ] || skip_all "$missing"

cargo build --quiet --locked --release -p "$name" -p sidecar
cargo build --quiet --locked -p ops
arguments=(--stack "$PWD/$work/root")
if [ "$command" = rehearse ]; then
  contract=$(cargo test --quiet --locked -p contract --no-run --message-format=json |
    sed -n 's/.*"kind":\["test"\].*"executable":"\([^"]*\)".*/\1/p' | head -n 1)
  arguments+=(--contract "$contract")
fi

# The provider is looked for out here: inside of its namespaces the rehearsal reaches nothing but itself.
ready terraform "$work/root"
exec target/debug/ops "$command" "${arguments[@]}" "$@"
