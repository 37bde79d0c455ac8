#!/usr/bin/env bash
# The two images of a service on their way to the registry and back. The workflows build, deploy and rollback call it.
#
#   scripts/images.sh build             builds both for PLATFORM (linux/amd64; the task's cpu_architecture decides)
#   scripts/images.sh sbom [api]        writes target/sbom/*.cdx.json; `api` alone: the crates, without an image
#   scripts/images.sh login IMAGE       logs Docker in to the image's registry; before push and verify
#   scripts/images.sh push              pushes both, says their digests
#   scripts/images.sh scan API NGINX    waits for the registry's scan, refuses critical and high findings
#   scripts/images.sh verify IMAGE ...  refuses an image that our build workflow on main did not build
#   scripts/images.sh licences          the licences of what is linked, as a table
#
# build, sbom, push and licences take SERVICE, the service's folder below services/.
# push takes API_REPOSITORY and NGINX_REPOSITORY, as ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME.
set -euo pipefail
cd "$(dirname "$0")/.."

# The registry's repositories are immutable: one commit, one tag, written once.
commit=${GITHUB_SHA:-$(git rev-parse HEAD)}
sbom=target/sbom
output() { printf '%s\n' "$1"; [ -z "${GITHUB_OUTPUT:-}" ] || printf '%s\n' "$1" >>"$GITHUB_OUTPUT"; }

# The task's architecture, whatever machine builds: an Arm laptop would build what X86_64 cannot run.
platform=${PLATFORM:-linux/amd64}
case $platform in
  linux/amd64) target=x86_64-unknown-linux-gnu ;;
  linux/arm64) target=aarch64-unknown-linux-gnu ;;
  *) echo "PLATFORM is $platform: expected linux/amd64 or linux/arm64" >&2; exit 64 ;;
esac

cmd_build() {
  local image built
  # BuildKit's own provenance would wrap each image in an index, which ECR does not scan. The workflow signs its own.
  export BUILDX_NO_DEFAULT_ATTESTATIONS=1
  local -A files=([api]=services/Dockerfile [nginx]=services/nginx/Dockerfile)
  for image in api nginx; do
    docker build --pull --platform "$platform" --tag "$name-$image:$commit" --file "${files[$image]}" \
      --build-arg "SERVICE=$SERVICE" --build-arg "SERVICE_REVISION=$commit" --label "org.opencontainers.image.revision=$commit" .
    built=$(docker image inspect --format '{{.Os}}/{{.Architecture}}' "$name-$image:$commit")
    [ "$built" = "$platform" ] || { echo "$name-$image was built for $built, not for $platform" >&2; return 1; }
  done
}

crate_tree() { cargo tree --locked --package "$1" --edges normal --target "$target" --prefix none --format '{p}|{l}'; }

bill() { .tools/sbom/bin/python tools/sbom.py "$@"; }

# What an image's package database says, without starting it.
take() { # IMAGE PATH TARGET
  local container
  container=$(docker create "$1" nothing)
  docker cp "$container:$2" "$3" >/dev/null
  docker rm "$container" >/dev/null
}

cmd_sbom() {
  cargo xtask tools sbom
  rm -rf "$sbom"
  mkdir -p "$sbom"
  crate_tree "$name" >"$sbom/crates"
  crate_tree sidecar >"$sbom/sidecar-crates"
  if [ "${1:-}" = api ]; then
    bill "$name" "$commit" "$sbom/api.cdx.json" --crates "$sbom/crates" Cargo.lock
    return
  fi
  take "$name-api:$commit" /var/lib/dpkg/status.d "$sbom/dpkg"
  take "$name-nginx:$commit" /lib/apk/db/installed "$sbom/apk"
  bill "$name-api" "$commit" "$sbom/api.cdx.json" --crates "$sbom/crates" Cargo.lock --dpkg "$sbom/dpkg"
  bill "$name-nginx" "$commit" "$sbom/nginx.cdx.json" --crates "$sbom/sidecar-crates" Cargo.lock --apk "$sbom/apk"
}

# One registry holds both images. Docker keeps the login for this machine; the password passes by a pipe.
cmd_login() { # IMAGE or REPOSITORY
  local registry=${1:?an image}
  aws ecr get-login-password | docker login --username AWS --password-stdin "${registry%%/*}"
}

cmd_push() {
  local container repository image digest
  for container in api nginx; do
    repository=API_REPOSITORY
    [ "$container" = api ] || repository=NGINX_REPOSITORY
    repository=${!repository}
    image=$repository:$commit
    # A run that is repeated finds its tag taken, and takes what it pushed the first time.
    digest=$(aws ecr describe-images --repository-name "${repository#*/}" --image-ids "imageTag=$commit" \
      --query 'imageDetails[0].imageDigest' --output text 2>/dev/null) || {
      docker tag "$name-$container:$commit" "$image"
      docker push --quiet "$image"
      digest=$(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image" | sed -n "s|^$repository@||p" | head -n 1)
    }
    output "${container}_digest=$digest"
    output "${container}_image=$repository@$digest"
  done
}

cmd_scan() { # API NGINX
  cargo run --quiet --locked -p ops -- release scan "services/Dockerfile=${1:?the image of the API}" "services/nginx/Dockerfile=${2:?the image of the sidecar}" |
    tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}"
}

cmd_verify() {
  local image
  for image in "$@"; do
    [[ $image =~ @sha256:[0-9a-f]{64}$ ]] || { printf '%s is not named by its digest\n' "$image" >&2; return 1; }
    # By our workflow file, on main, on GitHub's own machines: not merely from this repository.
    gh attestation verify "oci://$image" --repo "$GITHUB_REPOSITORY" --source-ref refs/heads/main --deny-self-hosted-runners \
      --signer-workflow "$GITHUB_REPOSITORY/.github/workflows/build.yml"
  done
}

cmd_licences() {
  printf '| licence | crates |\n|---|---|\n'
  { crate_tree "$name"; crate_tree sidecar; } | sed 's/ (\*)$//' | sort -u |
    awk -F'|' '{ split($1, part, " "); gsub("/", " OR ", $2); n[$2]++; who[$2] = who[$2] (n[$2] > 1 ? ", " : "") part[1] } END { for (l in n) printf "| %s | %d: %s |\n", l, n[l], who[l] }' |
    sort
}

command=${1:-}
[ $# -eq 0 ] || shift
# A list without an image would pass both checks.
case $command in scan | verify) [ $# -gt 0 ] || { echo "$command: name the images" >&2; exit 64; } ;; esac
case $command in build | sbom | push | licences)
  # shellcheck source=scripts/service.sh
  . scripts/service.sh ;;
esac
case $command in
  build | sbom | login | push | scan | verify | licences) "cmd_$command" "$@" ;;
  *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 64 ;;
esac
