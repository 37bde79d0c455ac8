# The workflows' roles, and for each environment the boundary that its tasks' roles carry. `publish` is for all environments, because
# all run the same images; each environment has a `plan` and an `apply` of its own.
#   plan     reads what the root manages, so that Terraform can compare (permissions_read.tf).
#   publish  pushes the images. It builds third parties' code, so it can do nothing else.
#   apply    what plan may, and the changes (permissions_write.tf).

resource "aws_iam_role" "github" {
  for_each = local.github_roles

  name                 = "${var.name}-${each.key}"
  description          = "GitHub Actions, ${var.repository}, environment ${each.value.environment}."
  assume_role_policy   = jsonencode(local.github_trust[each.key])
  max_session_duration = 3600

  lifecycle {
    precondition {
      condition     = length(jsonencode(local.github_trust[each.key])) <= 2048
      error_message = "IAM takes no trust policy of more than 2,048 characters, and this one has more: repository, branch and the workflows' names stand in it several times."
    }
  }
}

# What the stack's own roles can ever be given. The apply role may create roles only with this boundary, so whoever holds it
# cannot make a role that is more than a task of these services.
resource "aws_iam_policy" "workload" {
  # checkov:skip=CKV_AWS_355: "*" stands for ecr:GetAuthorizationToken alone, which knows no resource.
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
        Resource = "*" # the action knows no resource
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

  # checkov:skip=CKV_AWS_355: "*" stands for ecr:GetAuthorizationToken and two lists of Inspector, which know no resource.
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
  # Every managed policy of a role, by role and policy.
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

# The root's state. A plan must lock, and a lock is a file; only apply may write the state itself.
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
