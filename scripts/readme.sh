#!/usr/bin/env bash
# Runs the examples of README.md and docs/calling.md and compares their output (`ops examples`).
#
# The stacks of this script have their own ports and folder. So a stack that already runs does not matter.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=.run/examples
rm -rf "$scratch"
# Always stops the stacks that this script started.
finish() {
  local folder
  for folder in "$scratch"/*/; do RUN_DIR=$folder scripts/down.sh >/dev/null; done
}
trap finish EXIT
# `cargo run` is not used: it sets variables that make a nested cargo build everything again.
[ -n "${OPS:-}" ] || cargo build --quiet --locked -p ops
"${OPS:-target/debug/ops}" examples --scratch "$scratch"
