#!/usr/bin/env bash
# Installs the Debian packages of programs that are missing; says nothing and does nothing otherwise.
#
#   scripts/packages.sh COMMAND ...    nginx, haproxy, ip, setpriv, strace, valgrind, dot, pcre2-config, openssl, curl, jq
#
# Debian starts a web server as soon as its package is installed, and again at each boot. Only the
# programs are wanted here, so the services are kept down.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # where Debian keeps servers, and no ordinary user looks

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

packages=() services=()
for command in "$@"; do
  command -v "$command" >/dev/null && continue
  case $command in
    nginx | haproxy) packages+=("$command") services+=("$command") ;;
    openssl | curl | jq | strace | valgrind) packages+=("$command") ;;
    ip) packages+=(iproute2) ;;
    setpriv) packages+=(util-linux) ;;
    dot) packages+=(graphviz) ;;
    pcre2-config) packages+=(gcc make libc6-dev libpcre2-dev zlib1g-dev libssl-dev) ;;
    *) fail "no package is known for $command" ;;
  esac
done
[ ${#packages[@]} -gt 0 ] || exit 0

missing="${packages[*]} missing"
command -v apt-get >/dev/null || fail "$missing. Install with the package manager of this system (nginx 1.22 or newer) and try again."
[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null || fail "$missing, and installing takes root or sudo. Install it and try again."

mkdir -p .run
echo "Installing ${packages[*]} (log: .run/install.log)"

# Exit code 101 of policy-rc.d means "do not start it".
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'as_root rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
fi
{
  as_root apt-get update -q &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}"
} >.run/install.log 2>&1 || {
  tail -n 15 .run/install.log >&2
  fail "${packages[*]} could not be installed. What apt-get said is above."
}
if [ -d /run/systemd/system ] && [ ${#services[@]} -gt 0 ]; then as_root systemctl disable -q "${services[@]}"; fi
