#!/usr/bin/env bash
# `make down`: stops only what `make up` started for SERVICE. The logs stay in .run/up/SERVICE/.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/processes.sh
. scripts/processes.sh

if [ -z "$(running sidecar)$(running api)" ]; then echo "Nothing is running that \`make up${SERVICE:+ SERVICE=$SERVICE}${RUN_DIR:+ RUN_DIR=$RUN_DIR}\` started."; fi
stop_all
