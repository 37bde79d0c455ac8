#!/usr/bin/env bash
# Holds what a request costs, and how large the binary is, to benches/gates.json.
#
#   scripts/gates.sh          instructions (as a ratio to bare hyper), allocations, system calls, bytes
#   scripts/gates.sh --set    writes what is measured now into benches/gates.json
#
# Counts, not times: they hold on a busy machine. SUM_API_BIN names another binary to be judged.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/packages.sh valgrind strace
[ -n "${SUM_API_BIN:-}" ] || cargo build --quiet --locked --release --package sum-api
CARGO_TARGET_DIR=target/bench cargo build --quiet --locked --release --manifest-path benches/Cargo.toml \
  --package probe --package peer-bare
exec target/bench/release/gate "$@"
