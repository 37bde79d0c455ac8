# For scripts: finds terraform, the provider and Python's tools, makes scratch copies of the roots, runs
# the emulated AWS. Nothing here writes into terraform/, and nothing needs an account.
# shellcheck shell=bash disable=SC2154,SC2034 # work is set, and missing read, by the script

venv=.tools/emulator
missing='' # why something cannot be had; empty when it can
emulators=() # started by this run, to be stopped by it
passed=0 failed=0 skipped=0

pass() { passed=$((passed + 1)); printf 'ok      %s\n' "$1"; }
fail() { failed=$((failed + 1)); printf 'FAILED  %s\n' "$1"; }
skip() { skipped=$((skipped + 1)); printf 'SKIPPED: %s: %s\n' "$1" "$2"; }

# check NAME COMMAND...: passes when the command does; shows what it said when it does not.
check() {
  local name=$1 log=$work/check.$BASHPID.log
  shift
  if "$@" >"$log" 2>&1; then pass "$name"; else fail "$name"; sed 's/^/        /' "$log" | tail -n 40; fi
  rm -f "$log"
}

# find_provider: terraform, and the provider in a mirror or on the internet. Sets `missing`.
find_provider() {
  local folder
  missing=
  command -v terraform >/dev/null || { missing="terraform is not on PATH"; return; }
  # Not the user's: a missing or strange file there must not change what is proved here.
  export TF_CLI_CONFIG_FILE=$PWD/$work/cli.tfrc
  export TF_IN_AUTOMATION=1 TF_INPUT=0 CHECKPOINT_DISABLE=1
  : >"$TF_CLI_CONFIG_FILE"
  for folder in "${TF_PLUGIN_MIRROR:-}" "$HOME/.terraform.d/plugins" "${XDG_DATA_HOME:-$HOME/.local/share}/terraform/plugins" \
    /usr/local/share/terraform/plugins /usr/share/terraform/plugins /opt/*; do
    if [ -z "$folder" ] || [ ! -d "$folder/registry.terraform.io/hashicorp/aws" ]; then continue; fi
    printf 'provider_installation {\n  filesystem_mirror {\n    path    = "%s"\n    include = ["registry.terraform.io/*/*"]\n  }\n}\n' \
      "$folder" >"$TF_CLI_CONFIG_FILE"
    break
  done
  # One init says whether the mirror or the internet holds what the lock file asks for.
  ready terraform "$work/provider" 2>/dev/null ||
    missing="the provider of .terraform.lock.hcl is neither in a mirror nor on the internet (see $work/provider/init.log)"
}

# scratch ROOT DIR: a fresh copy of a root with what the emulator needs beside it: state in the copy, few retries. The documents of
# the services go where the root looks for them, beside the copy.
scratch() {
  local document top=..
  [[ $1 != */bootstrap ]] || top=../..
  rm -rf "$2"
  mkdir -p "$2"
  cp "$1"/*.tf "$1"/.terraform.lock.hcl "$2/"
  find "$1" -maxdepth 1 \( -name '*.json' -o -name '*.tftpl' -o -name '*.example' \) -exec cp {} "$2/" \;
  [ ! -d "$1/tests" ] || cp -R "$1/tests" "$2/tests"
  [ ! -d "$1/service" ] || cp -R "$1/service" "$2/service"
  for document in "$1/$top"/services/*/openapi.json "$1/$top"/contract/*/openapi.json; do
    [ -e "$document" ] || continue
    document=${document#"$1/$top/"}
    mkdir -p "$2/$top/${document%/*}"
    cp "$1/$top/$document" "$2/$top/$document"
  done
  # A call that the emulator does not know fails after three attempts instead of minutes.
  printf 'terraform {\n  backend "local" {}\n}\n\nprovider "aws" {\n  max_retries = 3\n}\n' >"$2/emulator_override.tf"
}

tf() { # DIR, arguments
  local dir=$1
  shift
  terraform -chdir="$dir" "$@"
}

ready() { # ROOT DIR: copied and initialised
  scratch "$1" "$2"
  tf "$2" init -no-color -lockfile=readonly >"$2/init.log" 2>&1 || { tail -n 20 "$2/init.log" >&2; return 1; }
}

# ready_service DIR: the module by itself, in DIR, which is a copy of the root.
ready_service() {
  cp "$1/.terraform.lock.hcl" "$1/service/"
  tf "$1/service" init -no-color -lockfile=readonly >"$1/service/init.log" 2>&1 || { tail -n 20 "$1/service/init.log" >&2; return 1; }
}

# find_python REQUIREMENTS: the emulator, or the scanner. Sets `missing`.
find_python() {
  local group=checkov
  missing=
  [[ $1 != *emulator* ]] || group=emulator
  cargo xtask tools "$group" || missing="$group could not be installed"
}

probe() { "$venv/bin/python" terraform/emulator/probe.py "$@"; }

# emulator_start DIR: moto with the shim on a free port; its pid and its environment stay in DIR.
emulator_start() {
  local dir=$1 port
  mkdir -p "$dir"
  port=$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  : >"$dir/calls"
  EMULATOR_CALLS=$PWD/$dir/calls EMULATOR_ROLLBACK=$PWD/$dir/rollback \
    "$venv/bin/python" terraform/emulator/shim.py -H 127.0.0.1 -p "$port" >"$dir/emulator.log" 2>&1 9>&- &
  echo $! >"$dir/emulator.pid"
  emulators+=("$dir")
  cat >"$dir/emulator.env" <<END
export AWS_ENDPOINT_URL=http://127.0.0.1:$port
export AWS_ACCESS_KEY_ID=emulated AWS_SECRET_ACCESS_KEY=emulated AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
export AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE
END
  # shellcheck disable=SC1091
  . "$dir/emulator.env"
  for _ in $(seq 150); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return 0; fi
    kill -0 "$(cat "$dir/emulator.pid")" 2>/dev/null || break
    sleep 0.2
  done
  echo "the emulator did not start:" >&2
  tail -n 20 "$dir/emulator.log" >&2
  return 1
}

emulator_stop() { # DIR
  local pid
  [ -e "$1/emulator.pid" ] || return 0
  pid=$(cat "$1/emulator.pid")
  rm -f "$1/emulator.pid"
  kill "$pid" 2>/dev/null || return 0
  wait "$pid" 2>/dev/null || true
}

# key_map LIST: the value of api_keys that gives the list of keys to every service whose document has keys.
key_map() {
  jq -nc --arg keys "$1" 'reduce inputs as $document ({};
    if any($document.components.securitySchemes[]?; .type == "apiKey") then .[input_filename | split("/")[-2]] = $keys else . end)' \
    services/*/openapi.json
}

# set_service FILE FOLDER LINE...: settings of a service in a file of variables, such as `scaling = { … }`, each in one line.
set_service() {
  local file=$1 folder=$2 line
  shift 2
  for line in "$@"; do
    FOLDER=$folder NAME=${line%% *} LINE=$line perl -0pi -e '
      s/(^services = \{.*?^  \Q$ENV{FOLDER}\E = \{\n)(.*?)(^  \}\n)/
        my ($head, $body, $end) = ($1, $2, $3); $body =~ s#^    \Q$ENV{NAME}\E +=.*\n##mg; "$head$body    $ENV{LINE}\n$end"/mse
        or die "no service $ENV{FOLDER} in $ARGV\n"' "$file"
  done
}

# set_image FILE FOLDER CONTAINER IMAGE: an image of a service in a file of variables.
set_image() {
  FOLDER=$2 NAME=$3 IMAGE=$4 perl -0pi -e '
    s/(^images = \{.*?^  \Q$ENV{FOLDER}\E = \{\n.*?^    \Q$ENV{NAME}\E +=) [^\n]*/$1 "$ENV{IMAGE}"/ms or die "no image $ENV{NAME} of $ENV{FOLDER} in $ARGV\n"' "$1"
}

# random_key: a key of four random words joined by dots, so that each word can be looked for by itself.
random_key() {
  "$venv/bin/python" -c 'import secrets, string; a = string.ascii_letters + string.digits; print(".".join("".join(secrets.choice(a) for _ in range(12)) for _ in range(4)))'
}
