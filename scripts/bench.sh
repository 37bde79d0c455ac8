#!/usr/bin/env bash
# Measures sum-api beside its peers and writes docs/performance.md and docs/plots/.
#
#   scripts/bench.sh             everything except the soak, in under 15 minutes
#   scripts/bench.sh NAME ...    these sections; `--help` explains them, `--tiny` only checks that they run
#
# Run nothing else on the machine. The page states its load for each section.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/local/sbin:/usr/sbin # where Debian keeps nginx, and no ordinary user looks

cargo xtask packages nginx valgrind strace
echo "Building the service, the peers and the bench"
cargo build --quiet --locked --release --package sum-api --package sidecar
cargo xtask plan-json || true # without Terraform, the sections that read the plan print this
CARGO_TARGET_DIR=target/bench cargo build --quiet --locked --release --manifest-path benches/Cargo.toml --workspace
if command -v go >/dev/null; then
  (cd benches/peers/go && GOCACHE=$PWD/../../../target/bench/go-cache GOFLAGS=-mod=mod GO111MODULE=off \
    go build -o ../../../target/bench/release/peer-go .)
fi
exec target/bench/release/bench "$@"
