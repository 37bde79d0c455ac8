#!/usr/bin/env bash
# Plants one defect for each check of scripts/lint.sh in a scratch tree, and sees the check find it:
# a linter that passes everything passes this repository too.
# shellcheck disable=SC2016  # the dollars are what is planted
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0 skipped=0

# seed CHECK SAYS: what is planted in the tree must fail CHECK, with these words in its log.
seed() {
  local output
  output=$(LINT_ROOT=$scratch scripts/lint.sh "$1" 2>&1) || true
  if grep -q '^SKIPPED: ' <<<"$output"; then
    printf 'SKIPPED: seed of %s: %s\n' "$1" "$(sed -n 's/^SKIPPED: [^:]*: //p' <<<"$output")"
    skipped=$((skipped + 1))
  elif grep -q "^FAIL $1" <<<"$output" && grep -qE "$2" <<<"$output"; then
    printf 'ok      %s finds: %s\n' "$1" "$2"
    passed=$((passed + 1))
  else
    printf 'FAILED  %s does not find: %s\n%s\n' "$1" "$2" "$output"
    failed=$((failed + 1))
  fi
  rm -rf "${scratch:?}"/* "$scratch/.github" "$scratch/.ci"
}

workflow() { # the steps of one job
  mkdir -p "$scratch/.github/workflows"
  printf 'name: seed\non: pull_request\npermissions: {}\njobs:\n  seed:\n    name: seed\n    runs-on: ubuntu-24.04\n    steps:\n%s\n' "$1" >"$scratch/.github/workflows/seed.yml"
}

git -C "$scratch" init --quiet

workflow '      - run: echo "${{ steps.missing.outputs.x }}"'
seed actionlint 'missing'
workflow '      - run: rm -rf $HOME/x'
seed workflow-scripts 'SC2086'
workflow '      - run: echo "${{ github.event.pull_request.title }}"'
seed zizmor 'template-injection'
workflow '      - uses: actions/checkout@v7'
seed zizmor 'unpinned-uses'
for use in 'run: gh attestation verify oci://r/x@sha256:1 --repo o/r' 'run: docker push r/x' 'uses: actions/attest@v4'; do
  workflow "      - $use
        with: { push-to-registry: true }"
  seed registry-login 'job seed uses a registry without a login'
done
mkdir -p "$scratch/scripts"
cp scripts/images.sh "$scratch/scripts/"
workflow '      - run: scripts/images.sh verify "${IMAGE}"
      - run: scripts/images.sh login "${IMAGE}"'
seed registry-login 'job seed uses a registry without a login'
# require ON JOB: the check `seed` is required, of a workflow with these events and this job.
require() {
  workflow "      - run: true"
  sed -i "s/^on: .*/on: $1/; s/^    name: seed/    name: seed\n    $2/" "$scratch/.github/workflows/seed.yml"
  printf '{"rules":[{"type":"required_status_checks","parameters":{"required_status_checks":[{"context":"seed"}]}}]}\n' >"$scratch/.github/ruleset.json"
}
require '{ pull_request: { paths: [terraform\/**] }, merge_group: }' 'timeout-minutes: 5'
seed required-checks 'seed: .* filters pull_request by paths'
require '[pull_request]' 'timeout-minutes: 5'
seed required-checks 'seed: .* does not run for merge_group'
require '{ pull_request: , merge_group: }' 'needs: other'
seed required-checks 'can be skipped \(needs\)'
require 'push' 'timeout-minutes: 5'
seed required-checks '0 jobs of this name run for pull requests'
mkdir -p "$scratch/terraform/bootstrap"
cp terraform/bootstrap/variables.tf "$scratch/terraform/bootstrap/"
workflow '      - uses: aws-actions/configure-aws-credentials@v6'
sed -i 's/^    name: seed/    name: seed\n    environment: production/' "$scratch/.github/workflows/seed.yml"
seed workflow-roles 'job seed: no role trusts this workflow in environment production'
workflow '      - runs: echo'
seed schemas 'seed.yml'
printf 'a: [1,2\n' >"$scratch/bad.yml"
seed yamllint 'syntax error'
printf '#!/bin/sh\necho $1\n' >"$scratch/bad.sh"
seed shellcheck 'SC2086'
mkdir -p "$scratch/.ci"
printf '#!/usr/bin/env bash\ncd x\n' >"$scratch/.ci/run"
seed shellcheck 'SC2164'
printf 'FROM debian\nRUN cd /tmp\n' >"$scratch/Dockerfile"
seed hadolint 'DL3006'

cp -R --parents services/nginx contract/parcels/nginx.conf "$scratch/"
sed -i 's|FROM \([^ ]*\):[0-9.]*|FROM \1:1.30.0|' "$scratch/services/nginx/Dockerfile"
seed gixy 'CVE'
cp -R --parents services/nginx contract/parcels/nginx.conf "$scratch/"
sed -i 's|proxy_pass http://api$request_uri|proxy_pass http://api$uri|' "$scratch"/contract/parcels/nginx.conf
seed gixy 'proxy_pass http://api[$]uri'

printf '[package]\nname = "seed"\nversion = "0.1.0"\nedition = "2024"\nlicense = "GPL-3.0-only"\n[lib]\npath = "lib.rs"\n' >"$scratch/Cargo.toml"
touch "$scratch/lib.rs"
cargo generate-lockfile --quiet --offline --manifest-path "$scratch/Cargo.toml"
seed cargo-deny 'licenses FAILED'
printf '[text](missing.md)\n' >"$scratch/bad.md"
seed links 'missing.md'

# plant FILTER: a document that every check passes, with the defect that jq makes of it.
plant() {
  mkdir -p "$scratch/services/seed"
  jq "$1" scripts/seed_openapi.json >"$scratch/services/seed/openapi.json"
}
item='.paths["/things/{id}"]' thing='.components.schemas.Thing'
while IFS='|' read -r check says defect; do
  plant "$defect"
  seed "$check" "$says"
done <<SEEDS
openapi|simpleTypes|$thing.properties.kind.type = "strng"
openapi|response/required|del($item.get.responses["200"].description)
openapi|outside of the document|$thing.properties.kind = {"\$ref": "https://example.com/kind.json"}
openapi|path-parameters-defined|del($item.parameters)
openapi|operation-parameters-unique|$item.parameters += $item.parameters
openapi|no-invalid-media-type-examples|$item.get.responses["200"].content["application/json"].examples.one.value.kind = 1
openapi|no-invalid-parameter-examples|$item.parameters[0].example = 1
openapi|no-invalid-schema-examples|$thing.examples = [{"kind": 1}]
openapi|no-unresolved-refs|$thing.properties.kind = {"\$ref": "#/components/schemas/Kind"}
openapi|no-unused-components|.components.schemas.Kind = {"type": "string"}
openapi|no-duplicated-enum-values|$thing.properties.kind.enum = ["a", "a"]
openapi|no-enum-type-mismatch|$thing.properties.kind.enum = [1]
openapi|no-illogical-composition-keywords|$thing.properties.kind = {"oneOf": [{"type": "string"}]}
openapi|no-mixed-number-range-constraints|$thing.properties.size = {"type": "integer", "minimum": 1, "exclusiveMinimum": 0}
openapi|no-required-schema-properties-undefined|$thing.required = ["colour"]
openapi|no-schema-type-mismatch|$thing.items = {"type": "string"}
openapi|operation-summary|del($item.get.summary)
openapi|operation-4xx-problem-details-rfc7807|del($item.get.responses["404"].content)
openapi|no-undefined-server-variable|.servers = [{"url": "/{version}"}]
openapi-platform|/get/securty: is not known here|$item.get.securty = []
openapi-platform|can match a path that /things/.id. matches too|.paths["/things/{name}"] = $item
openapi-platform|must be a path of segments|.paths["/things/"] = $item
SEEDS

# A release is a tag; before the first one, the commit before counts.
release() { git -C "$scratch" add --all && git -C "$scratch" -c user.name=seed -c user.email=seed@example.com commit --quiet --allow-empty --message "$1"; }
plant .
release first
release second
plant ".paths[\"/others/{id}\"] = $item | del($item)"
seed openapi-breaking '/paths/~1things~1\{id\}: the path was removed'
git -C "$scratch" tag v1.0.0 HEAD^
release 'without the document'
plant "$thing.properties.kind.type = \"integer\""
seed openapi-breaking 'properties/kind/type: in responses: `type` was string, is integer'
seed openapi-breaking 'removed; deprecate'

# The guard must not find its own seeds in this file, so none stands here in one piece.
printf '{}\n' >"$scratch/terraform.tfstate"
seed guard 'holds state'
printf -- '-----BEGIN RSA %s KEY-----\n' PRIVATE >"$scratch/notes.txt"
seed guard 'private key'
printf 'arn:aws:iam::9876%s:role/x\n' 54321098 >"$scratch/notes.txt"
seed guard 'account id'
printf 'AKIA%s\n' ABCDEFGHIJKLMNOP >"$scratch/notes.txt"
seed guard 'access key'
printf 'ghp_%s\n' "$(printf 'a%.0s' $(seq 36))" >"$scratch/notes.txt"
seed guard 'token of GitHub'
printf 'API_KEY=9f%s\n' 83hd72kdh38dhw83 >"$scratch/notes.txt"
seed guard 'API key'
printf 'see /%s/somebody/x\n' home >"$scratch/notes.txt"
seed guard 'path of one machine'

printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
