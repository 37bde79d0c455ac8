#!/usr/bin/env bash
# Runs the contract tests that depend on the version of nginx with a newer nginx than Debian's, from tools/nginx.txt.
# The sidecar passes on a list of headers only from nginx 1.23 on, and the image has such a one.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! scripts/tools.sh nginx; then
  echo 'SKIPPED: newer-nginx: the nginx of tools/nginx.txt could not be built (log: .tools/log/nginx.log)'
  exit 0
fi
export NGINX=$PWD/.tools/nginx
"$NGINX" -v
exec cargo test --locked -p contract --test contract -- --show-output forwarding credentials own::table keys::
