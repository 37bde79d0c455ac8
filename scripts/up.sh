#!/usr/bin/env bash
# `make up`: starts a service and its sidecar as background processes, with the ports and the key checks that they have on
# AWS. State and logs are in .run/up/SERVICE/. Ctrl-C and a failed start stop what was started.
#
# SERVICE is the service's folder below services/. API_PORT, SIDECAR_PORT and METRICS_PORT replace the ports of the
# document. With RUN_DIR (see processes.sh) they start a second stack.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/service.sh
. scripts/service.sh
# shellcheck source=scripts/processes.sh
. scripts/processes.sh

api_port=${API_PORT:-$(declared port)}
sidecar_port=${SIDECAR_PORT:-$(declared sidecar_port)}
metrics_port=${METRICS_PORT:-$((api_port - $(declared port) + $(declared metrics_port)))} # the same distance from API_PORT as in the document
ready_path=$(probe ready)
ready_within=20 # seconds; both start in well under one
PATH=$PATH:/usr/local/sbin:/usr/sbin # Debian keeps nginx there; it is not in the PATH of ordinary users

fail() {
  printf 'make up: %s\n' "$1" >&2
  exit 1
}

# Prints the inode of the socket that listens on PORT of 127.0.0.1 or of all addresses, if there is one.
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

# In a subshell: a reset connection must end only this check.
ready() (
  status=
  exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$sidecar_port" || return 1
  printf 'GET %s HTTP/1.0\r\n\r\n' "$ready_path" >&3
  read -r -t 2 status <&3 || true
  [[ $status == 'HTTP/1.1 200 '* ]]
)

# Prints the first operation of the document with its example, as a command.
show_curl() {
  local method path access body key=CHANGEME call=()
  { read -r method; read -r path; read -r access; read -r body; } < <(jq -rf scripts/example.jq "$document")
  [ "${API_KEY-CHANGEME}" = CHANGEME ] || key=YOUR-KEY
  case $access in
    apiKey) call+=(-H "'X-Api-Key: $key'") ;;
    http) call+=(-H "'Authorization: Bearer YOUR-TOKEN'") ;;
  esac
  # curl's own default: POST with a body, GET without one.
  case $method:$body in GET: | POST:?*) ;; *) call+=(-X "$method") ;; esac
  [ -z "$body" ] || call+=(-H "'Content-Type: application/json'" -d "'${body//\'/\'\\\'\'}'")
  printf '\n  curl %s http://127.0.0.1:%s%s\n\n' "${call[*]}" "$sidecar_port" "$path"
}

mkdir -p "$run_dir"
exec 9>"$run_dir/lock"
flock -n 9 || fail "another \`make up\` of this service is running. Wait until it ends."

if [ -n "$(running api)" ] && [ -n "$(running sidecar)" ]; then
  echo "Already running: API (process $(running api)), sidecar (process $(running sidecar)). Nothing changed."
  show_curl
  exit 0
fi
stop_all # after a crash, one process can remain without the other
refuse_taken "$api_port"
refuse_taken "$sidecar_port"

undo() {
  local code=$?
  trap - EXIT INT TERM
  stop_all
  exit "$code"
}
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

command -v cargo >/dev/null || fail 'cargo is missing. Install Rust (rustup reads rust-toolchain.toml) and try again.'
command -v nginx >/dev/null || cargo xtask packages nginx 9>&- || fail 'nginx could not be installed.'
cargo build --release --locked -p "$name" -p sidecar 9>&-

# Each process has its own session, so that a later Ctrl-C in this terminal does not reach it. The logs are opened for
# appending (">>"), because nginx opens its output a second time and would overwrite it.
rm -f "$run_dir/api.log" "$run_dir/sidecar.log"
export API_KEY="${API_KEY-CHANGEME}" REQUIRE_API_KEY=true
unset API_KEY_PARAMETER
LISTEN=127.0.0.1:$api_port METRICS_LISTEN=127.0.0.1:$metrics_port STATE_DIR=${STATE_DIR:-$run_dir/state} \
  setsid "${CARGO_TARGET_DIR:-target}/release/$name" serve </dev/null >>"$run_dir/api.log" 2>&1 9>&- &
remember api $!
LISTEN=127.0.0.1:$sidecar_port API_ADDRESS=127.0.0.1:$api_port RUNTIME_DIR=$run_dir/nginx \
  OPENAPI_DOCUMENT=$document \
  setsid "${CARGO_TARGET_DIR:-target}/release/sidecar" </dev/null >>"$run_dir/sidecar.log" 2>&1 9>&- &
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

echo "Up: API on 127.0.0.1:$api_port, sidecar on 127.0.0.1:$sidecar_port. Logs in ${run_dir#"$PWD"/}/. \`make down SERVICE=$SERVICE${RUN_DIR:+ RUN_DIR=$RUN_DIR}\` stops both."
show_curl
