#!/usr/bin/env bash
# Says what this repository lacks on GitHub, before anything is built. Called by .github/workflows/deploy.yml.
#
# Without an approval by a person, the job `apply` does not fail: it deploys. So that is refused here,
# unless the variable UNREVIEWED_DEPLOYMENTS of the repository is accepted.
#
# The environment: GITHUB_REPOSITORY, GH_TOKEN (actions: read), PRIVATE (true or false).
set -euo pipefail

rules=$(gh api "repos/$GITHUB_REPOSITORY/environments/production" --jq '[.protection_rules[].type] | join(" ")') || {
  echo '::error title=No environment::GitHub shows no environment production here. docs/ci.md, "What has to be set up", lists the environments.'
  exit 1
}

if [ "${PRIVATE:-false}" = true ]; then
  echo '::warning title=Private repository::Signed images and required reviewers need GitHub Enterprise in a private repository. With another plan, the job images fails when it signs. docs/ci.md, "What needs a paid plan".'
fi

if [[ " $rules " != *' required_reviewers '* ]]; then
  if [ "${UNREVIEWED_DEPLOYMENTS:-}" = accepted ]; then
    echo '::warning title=Unreviewed deployment::Nobody has to approve this deployment: the environment production has no required reviewers.'
  else
    echo '::error title=Nobody approves::The environment production has no required reviewers, so nobody would approve this deployment. Add them, or set the variable UNREVIEWED_DEPLOYMENTS of the repository to accepted.'
    exit 1
  fi
fi
