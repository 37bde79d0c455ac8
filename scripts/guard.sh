#!/usr/bin/env bash
# What must never be in this repository, looked for in every file that is tracked or about to be.
# Prints the number of files it read; each finding is one line `RULE: FILE:LINE`, without the finding
# itself, because a log is no better place for a secret than a commit.
#
# An exception stands here, with its reason, or nowhere.
set -euo pipefail
cd "${LINT_ROOT:-$(dirname "$0")/..}"

mapfile -d '' -t files < <(git ls-files --cached --others --exclude-standard -z |
  while IFS= read -r -d '' file; do if [ -f "$file" ]; then printf '%s\0' "$file"; fi; done)
[ "${#files[@]}" -gt 0 ] || { echo "git lists no file here" >&2; exit 1; }

findings=0
report() {
  local where
  while IFS= read -r where; do
    [ -n "$where" ] || continue
    printf '%s: %s\n' "$1" "$where" >&2
    findings=$((findings + 1))
  done
}

# Lines of text files that match a pattern, as FILE:LINE, without those that match the exception.
lines() {
  local pattern=$1 except=${2:-}
  printf '%s\0' "${files[@]}" | xargs -0 grep -InHP -e "$pattern" -- 2>/dev/null |
    if [ -n "$except" ]; then grep -vP -e "$except" || true; else cat; fi | cut -d: -f1,2
  return 0
}

names() { printf '%s\n' "${files[@]}" | grep -E "$1" || true; }

report 'a file that holds state, a saved plan or settings of one machine' < <(
  names '(^|/)(\.env(\..*)?|terraform\.tfvars|.*\.auto\.tfvars|.*\.tfstate(\..*)?|.*\.tfplan|.*\.(pem|key|p12|pfx|jks)|id_(rsa|ecdsa|ed25519))$' |
    grep -vE '\.example$' || true)

report 'a private key' < <(lines '-----BEGIN [A-Z ]*PRIVATE KEY-----')

# AWS's own examples are allowed: the documentation accounts, and nothing that looks like one of ours.
# A hash or a longer number is no account: the twelve digits stand alone.
report 'an account id other than those of the AWS documentation' < <(
  lines '(?<![0-9A-Za-z._:-])(?!123456789012|111122223333|444455556666|000000000000)[0-9]{12}(?![0-9A-Za-z._-])|arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:(?!123456789012|111122223333|444455556666|000000000000)[0-9]{12}:|(?<![0-9A-Za-z])(?!123456789012|111122223333|444455556666|000000000000)[0-9]{12}\.dkr\.ecr\.')

report 'an AWS access key' < <(lines '(?<![A-Z0-9])(AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?![A-Z0-9])' 'EXAMPLE')

report 'a token of GitHub, Slack, npm, PyPI or crates.io' < <(
  lines '(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60}|xox[abprs]-[A-Za-z0-9-]{10}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50}|cio[A-Za-z0-9]{32}(?![A-Za-z0-9]))')

# A key in an assignment. CHANGEME is the laptop's; a key made for a test says so in its own text.
report 'an API key that is neither CHANGEME nor plainly a test key' < <(
  lines '\bAPI_KEY(_PREVIOUS)?["'\'']?\s*[:=]\s*["'\'']?(?=[A-Za-z0-9._-]*[0-9])(?=[A-Za-z0-9._-]*[A-Za-z])[A-Za-z0-9._:,-]{16,}' \
    '(?i)changeme|test|example|fake|dummy|sample|not-a|rehears|drill|local|0123456789|abcdef|secret-key')

report 'a path of one machine' < <(
  lines '(?<![\w.:~$}/-])/((root|work)/|home/(?!runner\b|nonroot\b)[a-z]|Users/[A-Za-z])')

printf '%s\n' "${#files[@]}"
[ "$findings" -eq 0 ]
