# shellcheck shell=bash
# The processes of `make up`, for up.sh and down.sh alike. Sourced, from the root of the repository.
#
# A process is remembered by its id and its start time, because an id alone comes back: after a reboot
# it may belong to somebody else's process, and that one must never be stopped.
#
# Each service has a folder for state and logs, and RUN_DIR names another one: two stacks with a folder and ports of
# their own can run beside each other, and `make down` stops the one of its folder.

run_dir=$(realpath -m "${RUN_DIR:-.run/up/${SERVICE:?is the folder of a service below services/}}")

# Prints when process $1 started, in clock ticks since boot. Prints nothing when it is gone or a zombie.
start_time() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
  # The name stands in parentheses and may hold anything; what follows the last one is field 3 onwards.
  read -ra stat <<<"${stat##*) }"
  [ "${stat[0]}" = Z ] || echo "${stat[19]}"
}

remember() { # NAME PID
  echo "$2 $(start_time "$2")" >"$run_dir/$1.pid"
}

# Prints the id of NAME when it still runs.
running() { # NAME
  local pid started
  { read -r pid started <"$run_dir/$1.pid"; } 2>/dev/null || return 0
  if [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ]; then echo "$pid"; fi
}

# Asks NAME to finish with SIGNAL; after 25 s, more than either drains for, ends it and says so. Asks again
# and again: a shell starts background processes deaf to SIGQUIT, and the sidecar hears it only once it
# has become nginx. Neither process minds being told twice.
stop() { # NAME SIGNAL
  local name=$1 signal=$2 pid deadline=$((SECONDS + 25))
  pid=$(running "$name")
  if [ -n "$pid" ]; then
    while [ -n "$(running "$name")" ] && [ "$SECONDS" -lt "$deadline" ]; do
      kill -s "$signal" "$pid" 2>/dev/null || true
      sleep 0.02
    done
    if [ -n "$(running "$name")" ]; then
      # It leads its own group, so this reaches its workers and nobody else.
      kill -s KILL -- "-$pid" 2>/dev/null || true
      echo "$name: process $pid did not stop within 25 s and was killed"
    else
      echo "$name: stopped"
    fi
  fi
  rm -f "$run_dir/$name.pid"
}

# The sidecar first: it finishes what it has taken on, and for that it needs the API.
stop_all() {
  stop sidecar QUIT
  stop api TERM
  # The rendered configuration holds the keys.
  rm -rf "$run_dir/nginx"
}
