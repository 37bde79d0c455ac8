# Three roles for the workflows, and the boundary that the root's own roles carry.
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
  name        = "${var.name}-workload"
  description = "Permissions boundary of every role of ${var.name}."

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
        Resource = [for name in local.service_names : "arn:${local.partition}:logs:${local.here}:log-group:/${name}/*"]
      },
      {
        Sid      = "ReadKeys"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter", "ssm:GetParameters"]
        Resource = [for name in local.service_names : "arn:${local.partition}:ssm:${local.here}:parameter/${name}/*"]
      },
      {
        Sid      = "DecryptKeys"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = "arn:${local.partition}:kms:${local.here}:key/*"
        Condition = {
          StringEquals = { "kms:ViaService" = "ssm.${var.region}.amazonaws.com" }
          StringLike   = { "kms:EncryptionContext:PARAMETER_ARN" = [for name in local.service_names : "arn:${local.partition}:ssm:${local.here}:parameter/${name}/*"] }
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

resource "aws_iam_role_policy_attachment" "read" {
  for_each = setintersection(["plan", "apply"], keys(local.github_roles))

  role       = aws_iam_role.github[each.key].name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_role_policy_attachment" "write" {
  for_each = { for name, policy in aws_iam_policy.write : name => policy if local.has_github }

  role       = aws_iam_role.github["apply"].name
  policy_arn = each.value.arn
}

# The root's state. Whoever plans must lock, and a lock is a file; only apply may write the state itself.
resource "aws_iam_role_policy" "state" {
  for_each = { for role, files in { plan = [".tflock"], apply = ["", ".tflock"] } : role => files if local.has_github }

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
        Resource = "${local.bucket_arn}/${var.name}/*"
      },
      {
        Sid      = "Write"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:DeleteObject"]
        Resource = [for suffix in each.value : "${local.bucket_arn}/${var.name}/*/terraform.tfstate${suffix}"]
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
