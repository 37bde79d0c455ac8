#!/usr/bin/env bash
# Runs the examples of README.md and docs/calling.md and compares what they print (`ops examples`).
#
# The stacks for it have ports and a folder of their own, so it runs beside a stack that is up already.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=.run/examples
rm -rf "$scratch"
# However this ends, no stack that it started stays.
finish() {
  local folder
  for folder in "$scratch"/*/; do RUN_DIR=$folder scripts/down.sh >/dev/null; done
}
trap finish EXIT
# Not by `cargo run`: the variables that it sets make a cargo below it build everything again.
[ -n "${OPS:-}" ] || cargo build --quiet --locked -p ops
"${OPS:-target/debug/ops}" examples --scratch "$scratch"
