#!/usr/bin/env bash
# Installs the pinned tools that lint, draw and write bills of materials, into .tools/ and nowhere else.
#
#   scripts/tools.sh                 what `make lint` needs: python, npm, cargo
#   scripts/tools.sh python diagram  the named groups only
#
# A group is installed anew when the file that pins it changed, and costs nothing otherwise. Hashes
# are checked by each installer: pip --require-hashes, npm ci, cargo install --locked.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=.tools
mkdir -p "$tools/log"

# Runs `install_GROUP` unless the group was installed from exactly these pins by exactly this script.
group() {
  local name=$1 stamp=$tools/$1.stamp want
  shift
  want=$(cat "$@" "${BASH_SOURCE[0]}" | sha256sum | cut -d' ' -f1)
  if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then
    return 0
  fi
  rm -f "$stamp"
  printf 'tools: installing %s\n' "$name"
  if "install_$name" >"$tools/log/$name.log" 2>&1; then
    printf '%s\n' "$want" >"$stamp"
  else
    printf 'tools: %s could not be installed; the end of %s:\n' "$name" "$tools/log/$name.log" >&2
    tail -n 5 "$tools/log/$name.log" | sed 's/^/    /' >&2
    return 1
  fi
}

python_environment() {
  rm -rf "$1"
  python3 -m venv "$1"
  "$1/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$2"
}

install_python() { python_environment "$tools/python" tools/requirements.txt; }

install_diagram() { python_environment "$tools/diagram" tools/diagram-requirements.txt; }

install_sbom() { python_environment "$tools/sbom" tools/sbom-requirements.txt; }

install_permissions() { python_environment "$tools/permissions" tools/permissions-requirements.txt; }

install_npm() {
  mkdir -p "$tools/npm"
  cp tools/package.json tools/package-lock.json "$tools/npm/"
  # No package's own install script runs.
  npm ci --prefix "$tools/npm" --ignore-scripts --no-audit --no-fund
}

install_cargo() {
  local tool flags
  while read -r tool flags; do
    # shellcheck disable=SC2086 # the flags are words
    cargo install --locked --debug --config profile.dev.debug=false --root "$tools" \
      --target-dir "$tools/target" "$tool" $flags || return 1
  done < <(grep -vE '^(#|$)' tools/cargo.txt)
  rm -rf "$tools/target"
}

# The sources of nginx come from crates.io by Cargo. Unoptimised: it builds in half the time and runs for a minute.
install_nginx() {
  local version hash source=$PWD/$tools/nginx-source
  read -r version hash < <(grep -vE '^(#|$)' tools/nginx.txt)
  scripts/packages.sh jq pcre2-config || return 1
  rm -rf "$source"
  mkdir -p "$source/src"
  touch "$source/src/lib.rs"
  printf '[package]\nname = "nginx-source"\n[workspace]\n[dependencies]\nnginx-src = "=%s"\n' "$version" >"$source/Cargo.toml"
  cargo vendor --quiet --manifest-path "$source/Cargo.toml" "$source/vendor" || return 1
  jq -e --arg hash "$hash" '.package == $hash' "$source/vendor/nginx-src/.cargo-checksum.json" || return 1
  (
    cd "$source/vendor/nginx-src/nginx" || exit 1
    sh auto/configure --with-cc-opt=-O0 --with-pcre-jit --with-http_realip_module --with-http_ssl_module || exit 1
    make --jobs="$(nproc)"
  ) || return 1
  mv "$source/vendor/nginx-src/nginx/objs/nginx" "$tools/nginx" || return 1
  rm -rf "$source"
}

[ $# -gt 0 ] || set -- python npm cargo
failed=0
for name in "$@"; do
  case $name in
    python) group python tools/requirements.txt || failed=1 ;;
    npm) group npm tools/package.json tools/package-lock.json || failed=1 ;;
    cargo) group cargo tools/cargo.txt || failed=1 ;;
    nginx) group nginx tools/nginx.txt || failed=1 ;;
    diagram) group diagram tools/diagram-requirements.txt || failed=1 ;;
    sbom) group sbom tools/sbom-requirements.txt || failed=1 ;;
    permissions) group permissions tools/permissions-requirements.txt || failed=1 ;;
    *) echo "no such group: $name (there are: python npm cargo nginx diagram sbom permissions)" >&2; exit 64 ;;
  esac
done
exit "$failed"
