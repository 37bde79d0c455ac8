#!/usr/bin/env bash
# `make up`: the API and the sidecar as plain processes in the background, as on AWS: same ports, same
# key check on both sides. State and logs in .run/. Ctrl-C and a failed start stop what was started.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/processes.sh
. scripts/processes.sh

api_port=8080
sidecar_port=8081
ready_within=20 # seconds; both start in well under one
PATH=$PATH:/usr/local/sbin:/usr/sbin # where Debian keeps nginx, and no ordinary user looks

fail() {
  printf 'make up: %s\n' "$1" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Debian starts a web server on port 80 as soon as its nginx is installed, and again at each boot. Only
# the program is wanted here. Exit code 101 of policy-rc.d means "do not start it".
policy=/usr/sbin/policy-rc.d policy_is_ours=
install_nginx() {
  command -v apt-get >/dev/null || fail 'nginx is missing. Install nginx 1.22 or newer with the package manager of this system and try again.'
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
    fail 'nginx is missing, and installing it takes root or sudo. Install nginx 1.22 or newer and try again.'
  echo 'Installing nginx (log: .run/install.log)'
  if [ ! -e "$policy" ]; then
    policy_is_ours=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  {
    as_root apt-get update -q &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends nginx
  } >"$run_dir/install.log" 2>&1 || {
    tail -n 15 "$run_dir/install.log" >&2
    fail 'nginx could not be installed. What apt-get said is above.'
  }
  if [ -d /run/systemd/system ]; then as_root systemctl disable -q nginx; fi
  remove_policy
}
remove_policy() {
  if [ -n "$policy_is_ours" ]; then as_root rm -f "$policy"; fi
  policy_is_ours=
}

# Prints "inode" of the socket that listens on PORT where 127.0.0.1 would, if there is one.
listener() { # PORT
  awk -v port="$(printf '%04X' "$1")" '
    { split($2, local, ":") }
    $4 == "0A" && local[2] == port && local[1] ~ /^(0100007F|0+|0000000000000000FFFF00000100007F)$/ { print $10; exit }
  ' /proc/net/tcp /proc/net/tcp6 2>/dev/null || true
}

refuse_taken() { # PORT
  local socket pid
  socket=$(listener "$1")
  [ -n "$socket" ] || return 0
  pid=$(find /proc/[0-9]*/fd -lname "socket:\[$socket\]" 2>/dev/null | head -n 1 | cut -d / -f 3) || true
  if [ -n "$pid" ]; then fail "port $1 is in use by $(cat "/proc/$pid/comm") (process $pid). Stop it and try again."; fi
  fail "port $1 is in use by a process that belongs to another user. Stop it and try again."
}

ready() {
  local status
  { exec 3<>"/dev/tcp/127.0.0.1/$sidecar_port"; } 2>/dev/null || return 1
  printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3
  read -r -t 2 status <&3 || true
  exec 3>&-
  [[ $status == 'HTTP/1.1 200 '* ]]
}

show_curl() {
  local key=CHANGEME
  [ "${API_KEY-CHANGEME}" = CHANGEME ] || key=YOUR-KEY
  cat <<TRY

  curl -H 'X-Api-Key: $key' -H 'Content-Type: application/json' -d '{"a":2,"b":40}' http://127.0.0.1:$sidecar_port/sum

TRY
}

mkdir -p "$run_dir"
exec 9>"$run_dir/lock"
flock -n 9 || fail "another \`make up\` is at work."

if [ -n "$(running api)" ] && [ -n "$(running sidecar)" ]; then
  echo "Already running: API (process $(running api)), sidecar (process $(running sidecar)). Nothing changed."
  show_curl
  exit 0
fi
stop_all # one without the other: what is left of a crash
refuse_taken "$api_port"
refuse_taken "$sidecar_port"

undo() {
  local code=$?
  trap - EXIT INT TERM
  remove_policy
  stop_all
  exit "$code"
}
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

command -v nginx >/dev/null || install_nginx
command -v cargo >/dev/null || fail 'cargo is missing. Install Rust (rustup reads rust-toolchain.toml) and try again.'
cargo build --release --locked -p sum-api --bin sum-api 9>&-

# In sessions of their own, so that Ctrl-C in this terminal does not reach them later. The logs are
# appended to (">>"), because nginx opens its output a second time and would write over itself.
rm -f "$run_dir/api.log" "$run_dir/sidecar.log"
export API_KEY="${API_KEY-CHANGEME}" REQUIRE_API_KEY=true
unset API_KEY_PARAMETER
LISTEN=127.0.0.1:$api_port \
  setsid "${CARGO_TARGET_DIR:-target}/release/sum-api" serve </dev/null >>"$run_dir/api.log" 2>&1 9>&- &
remember api $!
LISTEN=127.0.0.1:$sidecar_port API_ADDRESS=127.0.0.1:$api_port RUNTIME_DIR=$run_dir/nginx \
  setsid services/nginx/entrypoint.sh </dev/null >>"$run_dir/sidecar.log" 2>&1 9>&- &
remember sidecar $!

deadline=$((SECONDS + ready_within))
until ready; do
  for name in api sidecar; do
    [ -n "$(running "$name")" ] || reason="the $name has stopped"
  done
  [ "$SECONDS" -lt "$deadline" ] || reason="not ready within $ready_within s"
  if [ -n "${reason-}" ]; then
    tail -n 10 "$run_dir/api.log" "$run_dir/sidecar.log" >&2
    fail "$reason. The last lines of both logs are above."
  fi
  sleep 0.05
done
trap - EXIT INT TERM

echo "Up: API on 127.0.0.1:$api_port, sidecar on 127.0.0.1:$sidecar_port. Logs in .run/. \`make down\` stops both."
show_curl
