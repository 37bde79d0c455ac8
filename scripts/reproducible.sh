#!/usr/bin/env bash
# Two builds of the binary of SERVICE from one commit, in two directories, compared byte by byte. Each must hold the
# commit, as the images' build passes it. Prints both hashes; exit code 1 when they differ. Nine minutes on two cores: it
# builds everything twice from nothing.
#
#   scripts/reproducible.sh [COMMIT]
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/service.sh
. scripts/service.sh

# A commit, not the work tree: that may change between the two builds.
commit=$(git rev-parse --verify "${1:-HEAD}^{commit}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# One directory is deeper than the other: equal lengths would hide a path that was only overwritten.
hash_of() { # DIRECTORY
  mkdir -p "$1"
  git archive "$commit" | tar -x -C "$1"
  # cargo writes where a crate's source lay into the binary (panic messages). Both places get one name.
  RUSTFLAGS="--remap-path-prefix=$1=/src --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" \
    SERVICE_REVISION=$commit cargo build --quiet --locked --release --package "$name" --manifest-path "$1/Cargo.toml" --target-dir "$1/target"
  if grep -qaF "$1" "$1/target/release/$name"; then
    echo "the binary knows where it was built: $1" >&2
    return 1
  fi
  if ! grep -qaF "$commit" "$1/target/release/$name"; then
    echo "the binary does not know its commit" >&2
    return 1
  fi
  sha256sum "$1/target/release/$name" | cut -d' ' -f1
}

printf 'commit %s, %s\n' "$commit" "$(rustc --version)"
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
