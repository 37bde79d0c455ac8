#!/usr/bin/env bash
# Measures sum-api beside its peers and writes docs/performance.md and docs/plots/.
#
#   scripts/bench.sh            everything but the soak, in under 15 minutes
#   scripts/bench.sh NAME ...   one section: counts, throughput, latency, memory, start, growth, builds,
#                               limiter, soak, autoscale; `--help` explains them, `--tiny` only sees that it runs
#
# The rest of the machine should be quiet. The page says for each section whether it was.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/local/sbin:/usr/sbin # where Debian keeps nginx, and no ordinary user looks

cargo xtask packages nginx valgrind strace
echo "Building the service, the peers and the bench"
# In a fresh clone this is the cold build that the page tells; it is too long to be done twice.
cold=target/bench/results/cold-build-seconds
mkdir -p "${cold%/*}"
rm -f "$cold"
from_nothing=yes
[ ! -d target/release ] || from_nothing=no
SECONDS=0
cargo build --quiet --locked --release --package sum-api --package sidecar
[ "$from_nothing" = no ] || echo "$SECONDS" >"$cold"
CARGO_TARGET_DIR=target/bench cargo build --quiet --locked --release --manifest-path benches/Cargo.toml --workspace
if command -v go >/dev/null; then
  (cd benches/peers/go && GOCACHE=$PWD/../../../target/bench/go-cache GOFLAGS=-mod=mod GO111MODULE=off \
    go build -o ../../../target/bench/release/peer-go .)
fi
exec target/bench/release/bench "${@:-run}"
