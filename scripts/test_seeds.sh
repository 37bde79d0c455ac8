#!/usr/bin/env bash
# Plants a step in a copy of the tree and sees what `make test` says of it: a skip that nobody listed and
# a file that a step leaves behind fail in CI.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  if [ -f "$file" ]; then printf '%s\0' "$file"; fi
done | tar --null --files-from - --create | tar --extract --directory "$scratch"
echo 'seed | seed: nothing like … here | a seed' >>"$scratch/scripts/skips.txt"
mkdir -p "$scratch/.run" "$scratch/.tools/venv"
# The marks that say what is installed: a seed uses no tool, so nothing is installed again.
(cd .tools && find . -maxdepth 2 \( -name '*.stamp' -o -name '*.installed' \) -exec cp --parents {} "$scratch/.tools" \;)
git -C "$scratch" init --quiet
git -C "$scratch" add --all
git -C "$scratch" -c user.name=seed -c user.email=seed@example.com commit --quiet --message seed

# seed NAME CI STATUS SAYS COMMAND: `make test` of one step that runs COMMAND.
seed() {
  local output status=0
  printf 'seed|%s\n' "$5" >"$scratch/.run/steps"
  output=$(CI=$2 TEST_STEPS=.run/steps "$scratch/scripts/test.sh" seed 2>&1) || status=$?
  if [ "$status" -eq "$3" ] && grep -qE "$4" <<<"$output"; then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$1"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s: exit code %s, expected %s and "%s"\n%s\n' "$1" "$status" "$3" "$4" "$output"
  fi
  git -C "$scratch" clean --quiet -ffdx --exclude=/.run --exclude=/.tools
}

seed 'a step that skips nothing passes' true 0 '^1 passed, 0 failed, 0 skipped$' 'true'
seed 'a listed skip that does not occur is reported' true 0 '^listed, but not skipped here: seed \| seed: nothing like … here$' 'true'
seed 'an unlisted skip fails in CI' true 1 '^FAILED  seed skipped what .* does not list: seed: planted$' 'echo "SKIPPED: seed: planted"'
seed 'it is counted' true 1 '^0 passed, 1 failed, 1 skipped$' 'echo "SKIPPED: seed: planted"'
seed 'and passes elsewhere' false 0 '^0 passed, 0 failed, 1 skipped$' 'echo "SKIPPED: seed: planted"'
seed 'a listed skip passes in CI' true 0 '^0 passed, 0 failed, 1 skipped$' 'echo "SKIPPED: seed: nothing like a seed here"'
seed 'an ignored test fails in CI' true 1 'does not list: 2 ignored tests$' 'echo "test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured"'
seed 'a skip that is only counted fails in CI' true 1 'does not list: 1 skips without a name$' 'echo "3 passed, 0 failed, 1 skipped"'
seed 'a step that checks nothing fails' false 1 'found nothing to check$' 'echo "test result: ok. 0 passed; 0 failed; 0 ignored"'
seed 'a file that is left fails in CI' true 1 '^FAILED  the work tree is not clean: \?\? left$' 'touch left'
seed 'an ignored folder that is left fails in CI' true 1 '^FAILED  the work tree is not clean: !! docs/__pycache__/$' 'mkdir docs/__pycache__; touch docs/__pycache__/x'
seed 'a changed file fails in CI' true 1 '^FAILED  the work tree is not clean:  M LICENSE$' 'echo >>LICENSE'

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
