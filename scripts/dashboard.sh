#!/usr/bin/env bash
# Draws docs/dashboard.png: the planned dashboard with the sample data of docs/dashboard/.
#
#   scripts/dashboard.sh         draws it
#   scripts/dashboard.sh check   fails if the picture is older than its sources
#
# The bytes of a picture differ between versions of the plotting library. So the check compares a hash of the sources
# (the dashboard's JSON, the sample data, the script) and of the picture itself.
set -euo pipefail
cd "$(dirname "$0")/.."

plan=target/plan.json
sources=(docs/dashboard/draw.py docs/dashboard/sample.json docs/dashboard/requirements.txt)

body() { # the dashboard's JSON; the plan is one line of many megabytes
  grep -o '"dashboard_body":"\([^"\\]\|\\.\)*"' "$plan" | head -n 1
}

fingerprint() { { body; cat "${sources[@]}" docs/dashboard.png; } | sha256sum | cut -d' ' -f1; }

if ! ${XTASK:-cargo xtask} plan-json "$plan" >"$plan.said"; then
  sed 's/^SKIPPED: plan:/SKIPPED: dashboard:/' "$plan.said"
  grep -q '^SKIPPED: ' "$plan.said" && exit 0
  exit 1
fi
case ${1:-draw} in
  draw)
    [ -x .tools/dashboard/bin/python ] || python3 -m venv .tools/dashboard
    .tools/dashboard/bin/pip install --quiet --disable-pip-version-check -r docs/dashboard/requirements.txt
    .tools/dashboard/bin/python docs/dashboard/draw.py "$plan" docs/dashboard.png
    fingerprint >docs/dashboard/drawn.sha256
    ;;
  check)
    if [ "$(fingerprint)" = "$(cat docs/dashboard/drawn.sha256)" ]; then
      echo "1 passed, 0 failed"
    else
      echo "docs/dashboard.png is older than its sources: run scripts/dashboard.sh"
      echo "0 passed, 1 failed"
      exit 1
    fi
    ;;
  *)
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
    exit 64
    ;;
esac
