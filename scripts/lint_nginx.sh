#!/usr/bin/env bash
# gixy over the sidecar's configuration as the entry script renders it, for the version of nginx that
# the image carries: its known holes count as findings. Prints how many renderings were looked at.
set -euo pipefail
home=$(cd "$(dirname "$0")/.." && pwd)
cd "${LINT_ROOT:-$home}"
export PATH=$home/.tools/python/bin:$PATH

version=$(sed -nE 's|^FROM .*nginx[a-z/-]*:([0-9]+\.[0-9]+\.[0-9]+).*|\1|p' services/nginx/Dockerfile | head -n 1)
[ -n "$version" ] || { echo "services/nginx/Dockerfile names no version of nginx" >&2; exit 1; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The entry script ends by becoming nginx. This one answers `-v` and stops, so that only the rendered
# file is left, and no nginx is needed.
cat >"$scratch/nginx" <<STAND_IN
#!/bin/sh
[ "\$1" != -v ] || echo "nginx version: nginx/$version" >&2
STAND_IN
chmod +x "$scratch/nginx"

# Waived, with the reason:
# worker_rlimit_nofile_vs_connections: how many files a worker may open is the container's limit, in
# the task definition; nginx without privileges could only lower it.
waived=worker_rlimit_nofile_vs_connections

renderings=0 failed=0
while read -r name settings; do
  # shellcheck disable=SC2086 # the settings are words
  env NGINX="$scratch/nginx" RUNTIME_DIR="$scratch/$name" $settings services/nginx/entrypoint.sh
  printf '%s, nginx %s\n' "$name" "$version" >&2
  gixy --nginx-version "$version" --skips "$waived" --disable-includes "$scratch/$name/nginx.conf" >&2 || failed=1
  renderings=$((renderings + 1))
done <<'SETTINGS'
laptop API_KEY=CHANGEME
checked-once API_KEY=web:test-key-one,web:test-key-two,batch:test-key-three REQUIRE_API_KEY=false
behind-the-balancer API_KEY=web:test-key-one TRUSTED_PROXIES=10.0.0.0/20,10.0.16.0/20 WORKER_PROCESSES=2
SETTINGS
printf '%s\n' "$renderings"
exit "$failed"
