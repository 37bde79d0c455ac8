#!/usr/bin/env bash
# Known vulnerabilities in what we link, from the RustSec database, by cargo-deny. Exit code 75: the
# database could not be had, so nothing was looked at.
#
# The database is a git repository. ADVISORY_DB names a clone of it for machines that cannot reach it;
# a clone older than ADVISORY_DB_MAX_DAYS (90) is refused, since its silence would mean nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.tools/bin:$PATH

source=https://github.com/RustSec/advisory-db
[ -z "${ADVISORY_DB:-}" ] || source=file://$ADVISORY_DB
databases=$PWD/.run/advisories
config=$databases/deny.toml
rm -rf "$databases"
mkdir -p "$databases"
sed "s|^\[advisories\]|&\ndb-path = \"$databases\"|" deny.toml >"$config"

cargo fetch --quiet --locked
deny() { cargo-deny --config "$config" --locked --offline --color never check advisories; }

# cargo-deny names the database's directory by a hash of its address. Its complaint that the directory
# is not there is where it says so.
name=$( (deny 2>&1 || true) | grep -oE 'advisory-db-[0-9a-f]{16}' | head -n 1)
GIT_TERMINAL_PROMPT=0 timeout 120 git clone --quiet --depth 1 "$source" "$databases/$name" || exit 75
git -C "$databases/$name" fetch --quiet --depth 1 origin HEAD

days=$((($(date +%s) - $(git -C "$databases/$name" log -1 --format=%ct)) / 86400))
if [ "$days" -gt "${ADVISORY_DB_MAX_DAYS:-90}" ]; then
  echo "the newest advisory in $source is $days days old" >&2
  exit 1
fi
deny
