#!/usr/bin/env bash
# gixy over the rendering of each service (nginx.conf in its folder), for the version of nginx that the image carries:
# its known holes count as findings. Prints how many renderings it checked. The tests of the crate `sidecar` compare the
# renderings with the template.
set -euo pipefail
home=$(cd "$(dirname "$0")/.." && pwd)
cd "${LINT_ROOT:-$home}"
export PATH=$home/.tools/python/bin:$PATH

version=$(sed -nE 's|^FROM .*nginx[a-z/-]*:([0-9]+\.[0-9]+\.[0-9]+).*|\1|p' services/nginx/Dockerfile | head -n 1)
[ -n "$version" ] || { echo "services/nginx/Dockerfile names no version of nginx" >&2; exit 1; }

# Waived, with the reason:
# worker_rlimit_nofile_vs_connections: how many files a worker may open is the container's limit, in
# the task definition; nginx without privileges could only lower it.
waived=worker_rlimit_nofile_vs_connections

shopt -s nullglob
renderings=(services/*/nginx.conf contract/*/nginx.conf) failed=0
[ ${#renderings[@]} -gt 0 ] || { echo "no service has a rendering" >&2; exit 1; }
for rendering in "${renderings[@]}"; do
  printf '%s, nginx %s\n' "$rendering" "$version" >&2
  gixy --nginx-version "$version" --skips "$waived" --disable-includes "$rendering" >&2 || failed=1
done
printf '%s\n' "${#renderings[@]}"
exit "$failed"
