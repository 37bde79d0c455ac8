# The trust policies of the roles for GitHub. The claims of a token must match all of these:
#   the environment, which has reviewers
#   the workflow file on the branch, so no other workflow, no fork and no version of a pull request
#   the repository, by name and by number
#   the audience
# STS supports these claims since January 2026. If STS does not support a key, the condition rejects the token.

resource "aws_iam_openid_connect_provider" "github" {
  count = local.has_github ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  github = "token.actions.githubusercontent.com"

  # Without a repository there are no roles, and the following values are not used.
  has_github = var.repository != null
  repository = coalesce(var.repository, "none/none")

  repository_id = coalesce(var.repository_id, "none")
  owner_id      = coalesce(var.repository_owner_id, "none")

  # The subject has two forms. For a repository that was created, renamed or transferred after July 2026, it contains numbers:
  # repo:OWNER@ID/NAME@ID:environment:X. GitHub's reference and published tokens have `@` before the number, and its changelog of
  # 2026-04-23 has `-`. So all three strings are accepted. AWS requires a condition on the subject. The numbers below identify the
  # repository: GitHub never reuses a number, but it reuses names, and with `-` the name of another owner can look like ours.
  owner = split("/", local.repository)[0]
  name  = split("/", local.repository)[1]
  subjects = [
    "repo:${local.repository}",
    "repo:${local.owner}@${local.owner_id}/${local.name}@${local.repository_id}",
    "repo:${local.owner}-${local.owner_id}/${local.name}-${local.repository_id}",
  ]

  # The GitHub environment and the workflows that each role trusts, and the environment of the stack that it reads and writes.
  # production has the names of github_roles. Another environment, such as staging, has the GitHub environments `plan-staging` and
  # `staging` with roles of the same kind.
  github_roles = merge([for environment in local.has_github ? var.environments : [] : { for kind, role in var.github_roles :
    join("-", compact([kind, kind == "publish" || environment == "production" ? "" : environment])) => {
      kind        = kind
      workflows   = role.workflows
      environment = kind == "publish" || environment == "production" ? role.environment : kind == "plan" ? "plan-${environment}" : environment
      reads       = kind == "publish" ? null : environment
      writes      = kind == "apply" ? environment : null
    }
  }]...)

  github_trust = { for name, role in local.github_roles : name => {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = aws_iam_openid_connect_provider.github[0].arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "${local.github}:aud"                 = "sts.amazonaws.com"
          "${local.github}:sub"                 = [for subject in local.subjects : "${subject}:environment:${role.environment}"]
          "${local.github}:environment"         = role.environment
          "${local.github}:repository"          = var.repository
          "${local.github}:repository_id"       = var.repository_id
          "${local.github}:repository_owner_id" = var.repository_owner_id
          "${local.github}:job_workflow_ref"    = [for file in role.workflows : "${var.repository}/.github/workflows/${file}@refs/heads/${var.branch}"]
        }
      }
    }]
  } }
}
