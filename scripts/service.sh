# shellcheck shell=bash
# The service of a script. Scripts source this file from the root of the repository.
#
# SERVICE is the service's folder below services/. The Makefile has the default. The service's document has everything else.

document=services/${SERVICE:-}/openapi.json
if [ -z "${SERVICE:-}" ] || [ ! -f "$document" ]; then
  printf '%s: SERVICE=%s must be a folder of services/ with an openapi.json\n' "${0##*/}" "${SERVICE:-}" >&2
  exit 64
fi
command -v jq >/dev/null || ${XTASK:-cargo xtask} packages jq

declared() { jq -er ".\"x-service\".$1" "$document"; } # MEMBER
# Prints the path of the probe of this kind.
probe() { # live or ready
  jq -er --arg kind "$1" 'first(.paths | to_entries[] | select(any(.value[]; ."x-probe"? | . == $kind or .kind? == $kind)) | .key)' "$document"
}
# The name of its binary, its crate, its images and its resources.
# shellcheck disable=SC2034 # for the script that sources this
name=$(declared name)
