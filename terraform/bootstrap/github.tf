# Who in GitHub may become which role. Bound three times: to the environment (its reviewers), to the workflow file on the
# branch (no other workflow, no fork, no pull request's version of it) and to the audience. STS checks job_workflow_ref and
# environment since January 2026; where it did not know a key, the condition would refuse, not admit.

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

locals {
  github = "token.actions.githubusercontent.com"

  github_trust = { for name, role in var.github_roles : name => {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = aws_iam_openid_connect_provider.github.arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "${local.github}:aud"              = "sts.amazonaws.com"
          "${local.github}:sub"              = "repo:${var.repository}:environment:${role.environment}"
          "${local.github}:repository"       = var.repository
          "${local.github}:job_workflow_ref" = [for file in role.workflows : "${var.repository}/.github/workflows/${file}@refs/heads/${var.branch}"]
        }
      }
    }]
  } }
}
