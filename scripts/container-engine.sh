# Sourced by scripts/test-containers.sh: find a Docker engine, or start one, and leave the machine as
# it was found.
#
#   engine_ready DIR    0 when `docker` and $compose answer; else 1, with the reason in $engine_reason
#   engine_stop         stops the engine if this shell started it
#
# An engine started here keeps off the machine's network: no docker0, no firewall rule, no change to
# forwarding. Ports are published by the userland proxy, which needs none of them, and builds use the
# machine's own network ($build_network).
# shellcheck shell=bash disable=SC2034  # the variables are for the script that sources this

engine_pid='' engine_reason='' build_network=default
compose=()

engine_install() {
  local package packages=()
  [ "$(id -u)" -eq 0 ] || { engine_reason="no Docker engine answers, and only root could start one"; return 1; }
  if ! command -v dockerd >/dev/null || ! command -v debootstrap >/dev/null || ! engine_compose; then
    command -v apt-get >/dev/null || { engine_reason="dockerd, docker-compose or debootstrap is missing, and there is no apt-get to install it"; return 1; }
    echo "installing the Docker engine, docker-compose and debootstrap from the system's packages"
    timeout 120 apt-get update -qq >/dev/null 2>&1 || true
    # Later releases of Debian keep the client and the builder in packages of their own.
    for package in docker.io docker-compose debootstrap iptables docker-cli docker-buildx; do
      if apt-cache show "$package" >/dev/null 2>&1; then packages+=("$package"); fi
    done
    # RUNLEVEL=1: the package must not start an engine with its own idea of the network.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive timeout 300 \
      apt-get install -y -qq --no-install-recommends "${packages[@]}" >"$1/apt.log" 2>&1 \
      || { engine_reason="apt-get could not install ${packages[*]}: $(tail -n 1 "$1/apt.log")"; return 1; }
  fi
}

engine_start() { # directory
  export DOCKER_HOST=unix://$1/docker.sock
  # A session of its own: Ctrl-C must not end it before the containers are down.
  setsid dockerd --host "$DOCKER_HOST" --pidfile "$1/dockerd.pid" \
    --bridge=none --iptables=false --ip6tables=false --ip-forward=false >"$1/dockerd.log" 2>&1 </dev/null &
  engine_pid=$!
  build_network=host
  local _
  for _ in $(seq 60); do
    if docker info >/dev/null 2>&1; then
      echo "started a Docker engine (pid $engine_pid); it ends with this run"
      return
    fi
    kill -0 "$engine_pid" 2>/dev/null || break
    sleep 0.5
  done
  engine_reason="dockerd does not start here: $(tail -n 1 "$1/dockerd.log")"
  return 1
}

# docker-compose (1.29 or 2) first, for that is what the documentation says; else the plugin.
engine_compose() {
  if command -v docker-compose >/dev/null; then compose=(docker-compose)
  elif docker compose version >/dev/null 2>&1; then compose=(docker compose)
  else return 1
  fi
}

# The first client that can use BuildKit: up to 20.10 it is built in, later ones need the buildx plugin.
engine_client() {
  local client version
  mkdir -p "$1/bin"
  while read -r client; do
    version=$("$client" --version 2>/dev/null | sed -n 's/^Docker version \([0-9]*\)\..*/\1/p')
    [ -n "$version" ] || continue
    if [ "$version" -lt 23 ] || "$client" buildx version >/dev/null 2>&1; then
      ln -sf "$client" "$1/bin/docker"
      PATH=$1/bin:$PATH
      export DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1
      return
    fi
  done < <(type -ap docker)
  engine_reason="no docker client here can use BuildKit: install docker-buildx"
  return 1
}

engine_ready() {
  if ! docker info >/dev/null 2>&1 || ! engine_compose; then
    engine_install "$1" || return 1
  fi
  engine_client "$1" || return 1
  if ! docker info >/dev/null 2>&1; then
    engine_start "$1" || return 1
  fi
  engine_compose || { engine_reason="neither docker-compose nor docker compose answers"; return 1; }
}

engine_stop() {
  [ -n "$engine_pid" ] || return 0
  kill "$engine_pid" 2>/dev/null || true
  wait "$engine_pid" 2>/dev/null || true
}
