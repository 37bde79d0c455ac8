#!/usr/bin/env bash
# What the workflows call and no emulator has: Docker, ECR's login, GitHub's signatures and environments.
# Stand-ins take their places on PATH, write down what they were asked, and refuse what the real ones
# refuse. Counts like every test script here.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export STAND_INS=$scratch

passed=0 failed=0
check() {
  local name=$1
  shift
  if "$@" >"$scratch/said" 2>&1; then passed=$((passed + 1)); printf 'ok      %s\n' "$name"
  else failed=$((failed + 1)); printf 'FAILED  %s\n' "$name"; sed 's/^/        /' "$scratch/said"; fi
}
refuses() { local words=$1 status=0; shift; "$@" >"$scratch/refused" 2>&1 || status=$?; cat "$scratch/refused"; [ "$status" -ne 0 ] && grep -qF -- "$words" "$scratch/refused"; }
warns() { local words=$1; shift; "$@" >"$scratch/warned" 2>&1 && grep -qF -- "$words" "$scratch/warned"; }
equal() { [ "$1" = "$2" ] || { printf 'expected %s\nfound    %s\n' "$1" "$2"; return 1; }; }
asked() { grep -cF -- "$1" "$scratch/calls" || true; }
absent() { ! grep -rqF -- "$1" "$scratch/calls"; }

# Docker builds for the platform that it is told, or for BUILDS_FOR; it pushes to a registry that it is logged in to.
cat >"$scratch/docker" <<'END'
#!/bin/sh
echo "docker $* [${BUILDX_NO_DEFAULT_ATTESTATIONS:-}]" >>"$STAND_INS/calls"
case $1 in
  build) while [ "$1" != --platform ]; do shift; done; echo "${BUILDS_FOR:-$2}" >"$STAND_INS/platform" ;;
  login) [ "$(cat)" = the-password ] && touch "$STAND_INS/logged-in" ;;
  push) [ -e "$STAND_INS/logged-in" ] || { echo 'no basic auth credentials' >&2; exit 1; } ;;
  image) case "$*" in *Architecture*) cat "$STAND_INS/platform" ;; *) for image; do :; done; echo "${image%:*}@sha256:feed" ;; esac ;;
esac
END
# ECR holds no image, or PUSHED; its scan has ended without a finding.
cat >"$scratch/aws" <<'END'
#!/bin/sh
echo "aws $*" >>"$STAND_INS/calls"
case $2 in
  get-login-password) echo the-password ;;
  describe-images) [ -n "${PUSHED:-}" ] && echo "$PUSHED" ;;
  describe-image-scan-findings) echo '{"imageScanStatus":{"status":"COMPLETE"},"imageScanFindings":{"findings":[]}}' ;;
esac
END
# `gh attestation verify oci://` asks the registry with Docker's login; `gh api` shows an environment's RULES, if any.
cat >"$scratch/gh" <<'END'
#!/bin/sh
echo "gh $*" >>"$STAND_INS/calls"
case $1 in
  attestation) [ -e "$STAND_INS/logged-in" ] || { echo 'authentication required' >&2; exit 1; } ;;
  api) [ -n "${RULES+set}" ] || { echo 'Not Found (HTTP 404)' >&2; exit 1; }; echo "$RULES" ;;
esac
END
chmod +x "$scratch/docker" "$scratch/aws" "$scratch/gh"
export PATH=$scratch:$PATH
fresh() { : >"$scratch/calls"; rm -f "$scratch/logged-in"; }

registry=123456789012.dkr.ecr.us-east-1.amazonaws.com
export GITHUB_SHA=0123456789abcdef0123456789abcdef01234567 GITHUB_REPOSITORY=owner/name
export SERVICE=sum API_REPOSITORY=$registry/sum-api/api NGINX_REPOSITORY=$registry/sum-api/nginx
image() { printf '%s/sum-api/%s@sha256:%s' "$registry" "$1" "$(printf '1%.0s' $(seq 64))"; }

fresh
check 'without a service nothing is built' refuses 'must be a folder of services/' env SERVICE= scripts/images.sh build
check 'images are built' scripts/images.sh build
check 'for the architecture of the task, on any machine' equal 2 "$(asked '--platform linux/amd64')"
check 'with the commit in the binary' equal 2 "$(asked "--build-arg SERVICE_REVISION=$GITHUB_SHA")"
check 'which the Dockerfile gives to the compiler' grep -qzP 'ARG SERVICE_REVISION=unknown\nRUN [^\n]*\n[^\n]*cargo build' services/Dockerfile
check 'under the name of the service' equal 2 "$(asked '--tag sum-api-')"
check 'without an index that ECR cannot scan' equal 2 "$(grep -c '^docker build .*\[1\]$' "$scratch/calls")"
fresh
check 'PLATFORM chooses another architecture' env PLATFORM=linux/arm64 scripts/images.sh build
check 'and it is asked for' equal 2 "$(asked '--platform linux/arm64')"
check 'an image for another architecture is refused' refuses 'was built for linux/arm64, not for linux/amd64' env BUILDS_FOR=linux/arm64 scripts/images.sh build
check 'an unknown platform is refused' refuses 'expected linux/amd64 or linux/arm64' env PLATFORM=linux/riscv64 scripts/images.sh build

fresh
check 'a push without a login fails' refuses 'no basic auth credentials' scripts/images.sh push
check 'a verification without a login fails' refuses 'authentication required' scripts/images.sh verify "$(image api)"
fresh
check 'the login names the registry' scripts/images.sh login "$(image api)"
check 'and no more than the registry' equal 1 "$(grep -c "^docker login .* $registry \[\]$" "$scratch/calls")"
check 'its password is in no argument' absent the-password
check 'after it, the push passes' scripts/images.sh push
check 'and both images are pushed' equal 2 "$(asked "docker push --quiet $registry/")"
check 'after it, the verification passes' scripts/images.sh verify "$(image api)" "$(image nginx)"
check 'and holds the signer to the workflow on main' equal 2 "$(asked '--source-ref refs/heads/main --deny-self-hosted-runners --signer-workflow owner/name/.github/workflows/build.yml')"
check 'a tag cannot be verified' refuses 'is not named by its digest' scripts/images.sh verify "$registry/sum-api/api:latest"
fresh
check 'an image that was pushed before is taken as it is' env PUSHED=sha256:beef scripts/images.sh push
check 'and not pushed again' equal 0 "$(asked 'docker push')"

export GITHUB_STEP_SUMMARY=$scratch/summary
check 'a scan that found nothing passes' scripts/images.sh scan "$(image api)" "$(image nginx)"
check 'the summary does not call the image FROM scratch clean' grep -q "^NOT SCANNED: $(image api)" "$scratch/summary"
check 'but the other one' grep -q "^ok      $(image nginx)" "$scratch/summary"

check 'without an environment nothing is built' refuses 'no environment production' scripts/preflight.sh
check 'without reviewers nothing is built' refuses 'no required reviewers' env RULES=branch_policy scripts/preflight.sh
check 'unless that is accepted, with a warning' warns '::warning title=Unreviewed deployment' env RULES= UNREVIEWED_DEPLOYMENTS=accepted scripts/preflight.sh
check 'with reviewers the deployment goes on' env 'RULES=branch_policy required_reviewers' scripts/preflight.sh
check 'without a word in a public repository' equal '' "$(cat "$scratch/said")"
check 'a private repository hears what needs a paid plan' warns 'GitHub Enterprise' env RULES=required_reviewers PRIVATE=true scripts/preflight.sh

printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
