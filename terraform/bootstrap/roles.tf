# The roles of the workflows, and for each environment the permissions boundary of the task roles. All environments share `publish`,
# because they run the same images. Each environment has its own `plan` and `apply`.
#   plan     Reads the resources of the root (permissions_read.tf).
#   publish  Pushes the images. It builds code of third parties, so it has no other rights.
#   apply    Has the rights of plan, and can change the resources (permissions_write.tf).

resource "aws_iam_role" "github" {
  for_each = local.github_roles

  name                 = "${var.name}-${each.key}"
  description          = "GitHub Actions, ${var.repository}, environment ${each.value.environment}."
  assume_role_policy   = jsonencode(local.github_trust[each.key])
  max_session_duration = 3600

  lifecycle {
    precondition {
      condition     = length(jsonencode(local.github_trust[each.key])) <= 2048
      error_message = "A trust policy of IAM has at most 2,048 characters, and this one is longer. It contains the repository, the branch and the names of the workflows several times: shorten them."
    }
  }
}

# The maximum rights of the stack's roles. The apply role can create roles only with this boundary. So it cannot create a role with more
# rights than a task of these services.
resource "aws_iam_policy" "workload" {
  # checkov:skip=CKV_AWS_355: "*" is only for ecr:GetAuthorizationToken, which has no resource type.
  for_each = toset(var.environments)

  name        = "${var.name}-workload-${each.key}"
  description = "Permissions boundary of every role of ${var.name} in ${each.key}."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "RegistryLogin"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = "*" # the action has no resource type
      },
      {
        Sid      = "Pull"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = [for repository in aws_ecr_repository.this : repository.arn]
      },
      {
        Sid      = "Log"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = [for name in local.service_names : "arn:${local.partition}:logs:${local.here}:log-group:/${name}/${each.key}/*"]
      },
      {
        Sid      = "ReadKeys"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter", "ssm:GetParameters"]
        Resource = [for name in local.service_names : "arn:${local.partition}:ssm:${local.here}:parameter/${name}/${each.key}/*"]
      },
      {
        Sid      = "DecryptKeys"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = "arn:${local.partition}:kms:${local.here}:key/*"
        Condition = {
          StringEquals = { "kms:ViaService" = "ssm.${var.region}.amazonaws.com" }
          StringLike   = { "kms:EncryptionContext:PARAMETER_ARN" = [for name in local.service_names : "arn:${local.partition}:ssm:${local.here}:parameter/${name}/${each.key}/*"] }
        }
      },
    ]
  })
}

resource "aws_iam_role_policy" "publish" {
  count = local.has_github ? 1 : 0

  # checkov:skip=CKV_AWS_355: "*" is for ecr:GetAuthorizationToken and two list actions of Inspector, which have no resource type.
  name = "push-images"
  role = aws_iam_role.github["publish"].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "RegistryLogin"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = "*"
      },
      {
        Sid    = "Push"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
          "ecr:DescribeImageScanFindings", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = [for repository in aws_ecr_repository.this : repository.arn]
      },
      {
        # With enhanced scanning, ecr:DescribeImageScanFindings reads the findings from Inspector for its caller.
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-iam.html
        Sid      = "EnhancedScan"
        Effect   = "Allow"
        Action   = ["inspector2:ListCoverage", "inspector2:ListFindings"]
        Resource = "*"
      },
    ]
  })
}

locals {
  # The managed policies of the roles, by role and policy.
  attachments = merge([for role, of in local.github_roles : of.reads == null ? {} : merge(
    { "${role} read" = aws_iam_policy.read.arn, "${role} read-environment" = aws_iam_policy.read_environment[of.reads].arn },
    { for name, policy in local.write_policies : "${role} ${name}" => aws_iam_policy.write[name].arn if of.writes != null && contains(policy.environments, coalesce(of.writes, "-")) },
  )]...)
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = local.attachments

  role       = aws_iam_role.github[split(" ", each.key)[0]].name
  policy_arn = each.value
}

# The root's state. A plan must lock the state, and a lock is a file. Only apply can write the state.
resource "aws_iam_role_policy" "state" {
  for_each = { for role, of in local.github_roles : role => of if of.reads != null }

  name = "terraform-state"
  role = aws_iam_role.github[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Find"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = local.bucket_arn
      },
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = "${local.bucket_arn}/${var.name}/${each.value.reads}/*"
      },
      {
        Sid      = "Write"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:DeleteObject"]
        Resource = [for suffix in each.value.writes == null ? [".tflock"] : ["", ".tflock"] : "${local.bucket_arn}/${var.name}/${each.value.reads}/terraform.tfstate${suffix}"]
      },
      {
        Sid       = "Encrypt"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = aws_kms_key.this.arn
        Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
      },
    ]
  })
}
