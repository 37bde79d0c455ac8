#!/usr/bin/env bash
# Two builds of the API's binary, from two copies of this tree in two directories, compared byte by
# byte. Prints both hashes; exit code 1 when they differ. Several minutes on two cores: it builds
# everything twice from nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# One directory is deeper than the other: equal lengths would hide a path that was only overwritten.
hash_of() { # DIRECTORY
  mkdir -p "$1"
  git ls-files --cached --others --exclude-standard -- Cargo.toml Cargo.lock rust-toolchain.toml .cargo services/api contract ops |
    while IFS= read -r file; do [ ! -f "$file" ] || cp --parents "$file" "$1"; done
  # cargo writes where a crate's source lay into the binary (panic messages). Both places get one name.
  RUSTFLAGS="--remap-path-prefix=$1=/src --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" \
    cargo build --quiet --locked --release --package sum-api --manifest-path "$1/Cargo.toml" --target-dir "$1/target"
  if grep -qaF "$1" "$1/target/release/sum-api"; then
    echo "the binary knows where it was built: $1" >&2
    return 1
  fi
  sha256sum "$1/target/release/sum-api" | cut -d' ' -f1
}

started=$SECONDS
first=$(hash_of "$scratch/one")
printf '%s  first build (%d s)\n' "$first" "$((SECONDS - started))"
rm -rf "$scratch/one"
started=$SECONDS
second=$(hash_of "$scratch/another/directory/two")
printf '%s  second build (%d s)\n' "$second" "$((SECONDS - started))"
if [ "$first" = "$second" ]; then
  echo '1 passed, 0 failed'
else
  echo '0 passed, 1 failed'
  exit 1
fi
