# shellcheck shell=bash
# The processes of `make up`. up.sh and down.sh source this file from the root of the repository.
#
# A file stores the id and the start time of each process. The kernel reuses ids: after a reboot, another process can have
# the same id, and `make down` must not stop it.
#
# Each service has its own folder for state and logs. RUN_DIR names another folder. Two stacks with different folders and
# ports can run at the same time, and `make down` stops only the stack of its folder.

run_dir=$(realpath -m "${RUN_DIR:-.run/up/${SERVICE:?is the folder of a service below services/}}")

# Prints when process $1 started, in clock ticks since boot. Prints nothing when it is gone or a zombie.
start_time() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
  # The name is in parentheses and can contain any character. Field 3 follows the last parenthesis.
  read -ra stat <<<"${stat##*) }"
  [ "${stat[0]}" = Z ] || echo "${stat[19]}"
}

remember() { # NAME PID
  echo "$2 $(start_time "$2")" >"$run_dir/$1.pid"
}

# Prints the id of NAME if it still runs.
running() { # NAME
  local pid started
  { read -r pid started <"$run_dir/$1.pid"; } 2>/dev/null || return 0
  if [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ]; then echo "$pid"; fi
}

# Sends SIGNAL to NAME until it stops. Kills it after 25 s, which is longer than either process drains. The signal is
# repeated because a shell starts background processes with SIGQUIT ignored: the sidecar reacts to it only after it has
# become nginx. A second signal does no harm to either process.
stop() { # NAME SIGNAL
  local name=$1 signal=$2 pid deadline=$((SECONDS + 25))
  pid=$(running "$name")
  if [ -n "$pid" ]; then
    while [ -n "$(running "$name")" ] && [ "$SECONDS" -lt "$deadline" ]; do
      kill -s "$signal" "$pid" 2>/dev/null || true
      sleep 0.02
    done
    if [ -n "$(running "$name")" ]; then
      # The process leads its own group, so this signal reaches only the process and its workers.
      kill -s KILL -- "-$pid" 2>/dev/null || true
      echo "$name: process $pid did not stop within 25 s and was killed"
    else
      echo "$name: stopped"
    fi
  fi
  rm -f "$run_dir/$name.pid"
}

# The sidecar stops first, because it needs the API to finish its open requests.
stop_all() {
  stop sidecar QUIT
  stop api TERM
  # The rendered configuration contains the keys.
  rm -rf "$run_dir/nginx"
}
