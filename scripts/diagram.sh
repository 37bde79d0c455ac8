#!/usr/bin/env bash
# Draws two pictures: arch_diagram.png from docs/diagrams/architecture.py, and docs/terraform_graph.png from
# `terraform graph`.
#
#   scripts/diagram.sh         draws both
#   scripts/diagram.sh check   fails if a picture is older than its source
#
# The check compares a hash of each picture and its source. The source of the second picture is the graph as text,
# docs/diagrams/terraform.dot, because the bytes of a picture differ between versions of graphviz.
set -euo pipefail
cd "$(dirname "$0")/.."

work=.run/diagram
mkdir -p "$work"
passed=0 failed=0 skipped=0

# check NAME COMMAND...: passes if the command passes. Otherwise prints the end of its output.
check() {
  local name=$1
  shift
  if "$@" >"$work/check.log" 2>&1; then
    passed=$((passed + 1)) && echo "ok      $name"
  else
    failed=$((failed + 1)) && echo "FAILED  $name"
    sed 's/^/        /' "$work/check.log" | tail -n 40
  fi
}

# Makes an initialised copy of the root. Without Terraform or its provider: returns 1; ready.log has the reason.
ready() {
  local status=0
  ${XTASK:-cargo xtask} terraform ready terraform "$work/root" >"$work/ready.log" || status=$?
  case $status in 0) ;; 69) return 1 ;; *) exit 1 ;; esac
}

# One node per file with its number of resources, and the references between files. A graph of a hundred resources
# is not readable.
terraform_graph() {
  terraform "-chdir=$work/root" graph >"$work/full.dot"
  awk '
    FNR == 1 { file = FILENAME; sub(/^terraform\//, "", file); sub(/\.tf$/, "", file); module = file ~ /^service\// ? "module." : "" }
    FILENAME ~ /\.tf$/ && /^(resource|data) "/ { split($0, part, "\""); where[module ($1 == "data" ? "data." : "") part[2] "." part[4]] = file; count[file]++; next }
    FILENAME !~ /\.tf$/ && / -> / { gsub(/[";]/, ""); sub(/^module\.[^.]+/, "module", $1); sub(/^module\.[^.]+/, "module", $3); from = where[$1]; to = where[$3]; if (from != "" && to != "" && from != to) edge["  \"" from "\" -> \"" to "\""] = 1 }
    END {
      print "digraph terraform {"
      for (file in count) printf "  \"%s\" [label=\"%s\\n%d\"]\n", file, file, count[file] | "LC_ALL=C sort"
      close("LC_ALL=C sort")
      for (line in edge) print line | "LC_ALL=C sort"
      close("LC_ALL=C sort")
      print "}"
    }' terraform/*.tf terraform/service/*.tf "$work/full.dot"
}

look=(-Grankdir=TB -Gbgcolor=white -Gpad=0.4 -Granksep=0.6 -Gnodesep=0.2 -Gdpi=96
  -Nshape=box '-Nstyle=rounded,filled' '-Nfillcolor=#eef3f8' '-Ncolor=#5a6b7b' -Nfontname=Helvetica -Nfontsize=20 '-Nmargin=0.18,0.08'
  '-Ecolor=#5a6b7b' -Epenwidth=1.3 -Earrowsize=0.8)

pair() { cat "$1" "$2" | sha256sum | cut -d' ' -f1; }
pictures='docs/diagrams/architecture.py arch_diagram.png
docs/diagrams/terraform.dot docs/terraform_graph.png'

draw() {
  ${XTASK:-cargo xtask} tools diagram
  command -v dot >/dev/null || { echo "graphviz is missing: install the package graphviz" >&2; exit 69; }
  .tools/diagram/bin/python docs/diagrams/architecture.py
  ready || { echo "no graph without the provider: $(cat "$work/ready.log")" >&2; exit 69; }
  terraform_graph >docs/diagrams/terraform.dot
  # `tred` removes the edges that other edges imply.
  tred docs/diagrams/terraform.dot 2>/dev/null | dot -Tpng "${look[@]}" -o docs/terraform_graph.png
  while read -r graph picture; do printf '%s %s\n' "$(pair "$graph" "$picture")" "$picture"; done <<<"$pictures" >docs/diagrams/drawn.sha256
}

drawn_from() { grep -qxF "$(pair "$1" "$2") $2" docs/diagrams/drawn.sha256 || { echo "$2 was not drawn from $1: make diagram"; return 1; }; }
same_graph() { diff -u "$2" <("$1") || { echo "$2 is older than its source: make diagram"; return 1; }; }

cmd_check() {
  while read -r graph picture; do check "diagram: $picture is current" drawn_from "$graph" "$picture"; done <<<"$pictures"
  if ready; then
    check "diagram: Terraform's graph is current" same_graph terraform_graph docs/diagrams/terraform.dot
  else
    skipped=1 && echo "SKIPPED: diagram: terraform: $(cat "$work/ready.log")"
  fi
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}

case ${1:-draw} in
  draw) draw ;;
  check) cmd_check ;;
  *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 64 ;;
esac
