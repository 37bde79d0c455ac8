#!/usr/bin/env bash
# Builds both images of SERVICE, holds each to what docs/containers.md says of it, and runs the black-box tests
# against the composed stack. Called by `make test-containers`.
#
# Uses the Docker engine that answers; where none does and this is root, it installs and starts one,
# and stops it at the end. Where the public base images cannot be pulled it builds stand-ins and says
# so. What cannot run is `SKIPPED: …`, and the last line is `N passed, N failed, N skipped`.
# shellcheck disable=SC2317  # `check` and `trap` call the functions by their names
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/service.sh
. scripts/service.sh
# shellcheck source=scripts/container-engine.sh
. scripts/container-engine.sh

state=$PWD/.run/containers
log=$state/log
mkdir -p "$state"
project=$name-test
api=$project-api nginx=$project-nginx resolver=$project-ssm caller=$project-caller network=$project
port=$(declared port)
{ read -r method; read -r path; read -r access; read -r body; read -r answer; } < <(jq -rf scripts/example.jq "$document")
passed=0 failed=0 skipped=0 stack=()

pass() { passed=$((passed + 1)); printf 'ok      %s\n' "$1"; }
fail() { failed=$((failed + 1)); printf 'FAILED  %s\n' "$1"; [ $# -lt 2 ] || printf '%s\n' "$2" | tail -n 30 | sed 's/^/        /'; }
skip() { skipped=$((skipped + 1)); printf 'SKIPPED: containers: %s\n' "$1"; }
# check NAME COMMAND...: the command's output is shown only when it fails.
check() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then pass "$name"; else fail "$name" "$output"; fi
}
equal() { [ "$1" = "$2" ] || { echo "expected: $1"; echo "found:    $2"; return 1; }; }
fails() { ! "$@"; }
finish() {
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" -eq 0 ] || exit 1
  exit 0
}

cleanup() {
  [ ${#stack[@]} -eq 0 ] || "${stack[@]}" down --volumes --remove-orphans --timeout 5 >/dev/null 2>&1 || true
  docker rm -f "$caller" "$resolver" >/dev/null 2>&1 || true
  docker network rm "$network" >/dev/null 2>&1 || true
  engine_stop
}
trap cleanup EXIT
trap 'exit 130' INT TERM

engine_ready "$state" || { skip "$engine_reason"; finish; }

# ── Build ────────────────────────────────────────────────────────────────────────────────────────────

official() { awk -v stage="official-$1" '$1 == "FROM" && $4 == stage { print $2 }' services/nginx/Dockerfile; }
pullable() { docker image inspect "$1" >/dev/null 2>&1 || timeout 180 docker pull -q "$1" >/dev/null 2>&1; }

export API_PORT SIDECAR_PORT
# The contract's ports may be taken, by `make up` for one; two that the kernel calls free do as well.
read -r API_PORT SIDECAR_PORT < <(comm -23 <(seq 20000 29999 | shuf | head -n 50 | sort) \
  <(awk 'FNR > 1 { split($2, a, ":"); print a[2] }' /proc/net/tcp /proc/net/tcp6 | while read -r hex; do echo $((16#$hex)); done | sort -u) | head -n 2 | paste -sd ' ')

stand_ins=no rust=official-rust base=official-nginx
if ! pullable "$(official rust)" || ! pullable "$(official nginx)"; then
  echo "the public base images cannot be pulled here: building on stand-ins for $(official rust) and $(official nginx)"
  if ! timeout 600 scripts/stand-in-images.sh >"$log" 2>&1; then
    tail -n 5 "$log"
    skip "neither the public base images nor their stand-ins can be had"
    finish
  fi
  grep '^STAND-IN: ' "$log"
  stand_ins=yes
  rust=$(sed -n 's/^STAND-IN: \(stand-in\/rust:[^ ]*\).*/\1/p' "$log")
  base=$(sed -n 's/^STAND-IN: \(stand-in\/nginx:[^ ]*\).*/\1/p' "$log")
fi
# The documented stack of this service, under names that are no user's. Images built on stand-ins never get the real names.
cat >"$state/override.yaml" <<EOF
services:
  $SERVICE:
    image: $api
    build: { network: $build_network, args: { RUST_IMAGE: $rust, SERVICE_REVISION: the-tested-commit } }
  $SERVICE-nginx:
    image: $nginx
    build: { network: $build_network, args: { RUST_IMAGE: $rust, NGINX_IMAGE: $base } }
EOF
stack=("${compose[@]}" --project-name "$project" --file docker-compose.yaml --file "$state/override.yaml")

check "docker-compose.yaml is valid for $("${compose[@]}" version --short)" "${compose[@]}" --file docker-compose.yaml config -q
release=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
for dockerfile in services/Dockerfile services/nginx/Dockerfile; do
  check "the builder of $dockerfile is the release of rust-toolchain.toml" \
    grep -qE "^FROM rust:$release-slim-bookworm(@sha256:[0-9a-f]{64})? AS official-rust$" "$dockerfile"
done

started=$SECONDS
if timeout 900 "${stack[@]}" up --detach --build "$SERVICE-nginx" >"$log" 2>&1; then
  pass "docker-compose up -d --build ($((SECONDS - started)) s)"
else
  fail "docker-compose up -d --build" "$(cat "$log")"
  finish
fi

# ── The images ───────────────────────────────────────────────────────────────────────────────────────

of() { docker image inspect --format "$2" "$1"; }
size=$(of "$api" '{{.Size}}')
check "the API's image is at most 16 MB (it is $(awk -v b="$size" 'BEGIN { printf "%.1f", b / 1e6 }') MB)" test "$size" -le 16000000
echo "        the sidecar's image: $(of "$nginx" '{{.Size}}' | awk '{ printf "%.1f", $1 / 1e6 }') MB"

docker create --name "$caller" --network none "$api" >/dev/null
# What Docker itself puts into a container (/dev, /proc, …) is an empty file or a directory.
listing=$(docker export "$caller" | tar -tv | awk '$1 !~ /^d/ && $3 > 0 { print $6 }' | sort)
docker rm "$caller" >/dev/null
only_ours() {
  local other
  grep -qx service <<<"$listing" || { echo "the binary is not listed:"; echo "$listing"; return 1; }
  other=$(grep -vE '^(service|lib(64)?/(.*/)?(ld-linux[^/]*|libc|libm|libgcc_s)\.so\.[0-9]+|etc/(nsswitch\.conf|os-release|ssl/certs/ca-certificates\.crt)|var/lib/dpkg/status\.d/[a-z0-9-]+)$' <<<"$listing") || true
  equal '' "$other"
}
check "the API's image holds the binary, glibc, CA roots and nothing else ($(wc -l <<<"$listing") files)" only_ours
check "the API's image has no shell" fails docker run --rm --network none --entrypoint /bin/sh "$api" -c true
check "the API's image has CA roots" grep -qx 'etc/ssl/certs/ca-certificates.crt' <<<"$listing"
check "the API runs as 65532" equal 65532:65532 "$(of "$api" '{{.Config.User}}')"
check "the sidecar runs as 101" equal 101:101 "$(of "$nginx" '{{.Config.User}}')"
check "the sidecar is stopped with SIGQUIT" equal SIGQUIT "$(of "$nginx" '{{.Config.StopSignal}}')"
# What is searched has to be there: a search in nothing finds no key either.
without_key() { # SOMETHING-IN-IT COMMAND...
  local text
  text=$("${@:2}") && grep -q "$1" <<<"$text" && ! grep -E 'API_KEY=|CHANGEME' <<<"$text"
}
for image in "$api" "$nginx"; do
  check "no key in the layers of ${image#"$project"-}" without_key COPY docker history --no-trunc "$image"
  check "no key in the configuration of ${image#"$project"-}" without_key Entrypoint docker image inspect "$image"
done
check "the sidecar's image serves nothing of its own" \
  docker run --rm --network none --entrypoint /bin/sh "$nginx" -c '! ls /etc/nginx/conf.d /etc/nginx/nginx.conf /docker-entrypoint.sh 2>/dev/null | grep .'
# Bounded: an image that starts after all would run for ever.
exit_code() {
  docker run --detach --name "$caller" --network none "$@" >/dev/null 2>&1
  timeout 15 docker wait "$caller" || echo "still running"
  docker rm -f "$caller" >/dev/null
}
check "the sidecar refuses to start without a key" equal 64 "$(exit_code "$nginx")"
check "the API refuses to start without a key" equal 64 "$(exit_code "$api")"
check "the command openapi answers in the image" grep -q '"openapi"' <<<"$(docker run --rm --network none "$api" openapi)"
if [ "$stand_ins" = yes ]; then
  skip "nginx is at least 1.30.6: the base is a stand-in with $(docker run --rm --network none --entrypoint nginx "$nginx" -v 2>&1)"
else
  release=$(docker run --rm --network none --entrypoint nginx "$nginx" -v 2>&1)
  check "nginx is at least 1.30.6 ($release)" sort -C -V <<<$'1.30.6\n'"${release##*/}"
fi

# ── Names ────────────────────────────────────────────────────────────────────────────────────────────
# A static or trimmed libc fails in name resolution first. The API fetches its keys from a parameter
# store that it can reach by name only; ready means that the name was resolved.

resolves() {
  docker network create "$network"
  docker create --name "$resolver" --network "$network" --network-alias ssm.test --entrypoint nginx "$nginx" -c /tmp/ssm.conf -e stderr -g 'daemon off;'
  tar -C scripts -c --transform 's/.*/ssm.conf/' --mode=a+r ssm-stub.conf | docker cp - "$resolver:/tmp/"
  docker start "$resolver"
  docker run --detach --name "$caller" --network "$network" --network-alias api.test --read-only --cap-drop ALL \
    --env "LISTEN=0.0.0.0:$port" --env API_KEY_PARAMETER=/keys-of/the-test --env AWS_ENDPOINT_URL_SSM=http://ssm.test:8000 \
    --env AWS_REGION=eu-central-1 --env AWS_ACCESS_KEY_ID=none --env AWS_SECRET_ACCESS_KEY=none "$api"
  local _
  for _ in $(seq 40); do
    ! docker exec "$resolver" wget -q -T 2 -O - "http://api.test:$port$(probe ready)" 2>/dev/null | grep -q '"ready"' || return 0
    sleep 0.25
  done
  docker logs "$caller"
  docker logs "$resolver"
  return 1
}
check "names resolve in the API's image: keys fetched from a parameter store by its name" resolves

# ── The stack ────────────────────────────────────────────────────────────────────────────────────────

api_id=$("${stack[@]}" ps -q "$SERVICE") nginx_id=$("${stack[@]}" ps -q "$SERVICE-nginx")
inspect() { docker inspect --format "$2" "$1"; }
healthy() {
  local _
  for _ in $(seq 120); do
    [ "$(inspect "$1" '{{.State.Health.Status}}')" != healthy ] || return 0
    sleep 0.25
  done
  docker logs --tail 20 "$1"
  inspect "$1" '{{json .State}}'
  return 1
}
for id in "$api_id" "$nginx_id"; do
  name=$(inspect "$id" '{{index .Config.Labels "com.docker.compose.service"}}')
  check "$name: healthy" healthy "$id"
  check "$name: read-only root, no capability, no new privileges, memory and processes bounded" \
    grep -qE '^true \[ALL\] \[no-new-privileges:true\] [1-9][0-9]* [1-9][0-9]*$' \
    <<<"$(inspect "$id" '{{with .HostConfig}}{{.ReadonlyRootfs}} {{.CapDrop}} {{.SecurityOpt}} {{json .Memory}} {{json .PidsLimit}}{{end}}')"
  check "$name: every process is the image's own user's" \
    equal "$(of "$(inspect "$id" '{{.Config.Image}}')" '{{.Config.User}}')" "$(docker top "$id" -eo pid,uid,gid | awk 'NR > 1 { print $2 ":" $3 }' | sort -u)"
  program=/service
  [ "$id" = "$api_id" ] || program=nginx
  check "$name: no key in any argument list" without_key "$program" docker top "$id" -eo pid,args
done
check "$SERVICE: the first line of its log names the commit that was built" \
  grep -q '"revision":"the-tested-commit"' <<<"$(docker logs "$api_id" 2>&1 | head -n 1)"
check "$SERVICE-nginx: the rendered configuration is its owner's alone" \
  equal '600 101' "$(docker exec "$nginx_id" stat -c '%a %u' /run/sidecar/nginx.conf)"

call() { curl -sS --max-time 5 -o /dev/null -w '%{http_code}' "$@"; }
# The first operation of the document, with its example.
example=(-X "$method") with_key=(-H 'X-Api-Key: CHANGEME')
[ -z "$body" ] || example+=(-H 'Content-Type: application/json' --data "$body")
success=$(jq -r --arg path "$path" --arg method "${method,,}" '.paths[$path][$method].responses | keys_unsorted[] | select(startswith("2"))' "$document" | head -n 1)
if [ "$access" = apiKey ]; then
  check "the sidecar asks for a key" equal 401 "$(call "${example[@]}" "http://127.0.0.1:$SIDECAR_PORT$path")"
fi
check "the sidecar answers with a key" equal "$success" "$(call "${with_key[@]}" "${example[@]}" "http://127.0.0.1:$SIDECAR_PORT$path")"
check "the service answers without one, on this machine only" equal "$success" "$(call "${example[@]}" "http://127.0.0.1:$API_PORT$path")"

# The log stays apart: the caller's runner adds up lines like cargo's, and the last line here says it all.
contract_log=$state/contract.log status=0
CONTRACT_URL=http://127.0.0.1:$SIDECAR_PORT CONTRACT_KEY=CHANGEME CONTRACT_SERVICE=$SERVICE \
  timeout 420 cargo test --locked -p contract -- --show-output >"$contract_log" 2>&1 </dev/null || status=$?
read -r p f s < <(awk '
  /^test result: / { for (i = 1; i < NF; i++) { if ($(i+1) ~ /^passed/) p += $i; if ($(i+1) ~ /^failed/) f += $i } }
  /^SKIPPED: / { k++ }
  END { print p - k, f + 0, k + 0 }' "$contract_log")
# Eight of them start no process of their own.
if [ "$status" -eq 0 ] && [ "$p" -ge 8 ]; then
  passed=$((passed + p))
  printf 'ok      the black-box tests against the composed stack (%d)\n' "$p"
else
  passed=$((passed + (p > 0 ? p : 0))) failed=$((failed + (f > 0 ? f - 1 : 0)))
  fail "the black-box tests against the composed stack (exit code $status)" "$(cat "$contract_log")"
fi
if [ "$s" -gt 0 ]; then
  skip "$s of the black-box tests: they start processes of their own, as in \`make test\` without containers (names: .run/containers/contract.log)"
  skipped=$((skipped + s - 1))
fi

# ── The stop ─────────────────────────────────────────────────────────────────────────────────────────

# A request whose last byte comes 2 s after its first, by which time the sidecar was told to stop.
slow_call() {
  local LC_ALL=C half=$((${#body} / 2))
  exec 5<>"/dev/tcp/127.0.0.1/$SIDECAR_PORT"
  printf '%s %s HTTP/1.1\r\nHost: test\r\nX-Api-Key: CHANGEME\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
    "$method" "$path" "${#body}" "${body:0:half}" >&5
  sleep 2
  printf '%s' "${body:half}" >&5
  timeout 5 cat <&5
}
sleep 1 # whatever the tests before left of the rate limit's burst
slow_call >"$state/slow" 2>&1 &
slow=$!
sleep 0.5
check "the sidecar stops within its grace" timeout 25 docker stop --time 30 "$nginx_id"
wait "$slow" || true
check "a request in flight is answered while the sidecar stops" grep -qF "$answer" "$state/slow"
check "the sidecar exits 0" equal 0 "$(inspect "$nginx_id" '{{.State.ExitCode}}')"
check "the API stops within its grace" timeout 25 docker stop --time 30 "$api_id"
check "the API exits 0" equal 0 "$(inspect "$api_id" '{{.State.ExitCode}}')"
check "docker-compose down" "${stack[@]}" down --volumes --remove-orphans
finish
