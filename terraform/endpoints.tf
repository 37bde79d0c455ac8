# The AWS services that a task needs, each with a policy for exactly this use: images (ECR, and S3 for the layers), logs and
# the parameter. KMS needs no endpoint, because SSM decrypts for the caller. Interface endpoints cost money per hour and zone.

locals {
  # Refuses callers of other accounts, whatever credentials they have.
  own_account = { StringEquals = { "aws:PrincipalAccount" = local.account } }

  # ECR stores layers in a bucket of AWS, and ECR signs the download, not the task. So this policy has no account condition.
  layer_bucket_arn = "arn:${local.partition}:s3:::prod-${var.region}-starport-layer-bucket"

  pull_statements = [
    {
      Sid      = "RegistryLogin"
      Effect   = "Allow"
      Action   = ["ecr:GetAuthorizationToken"]
      Resource = "*" # the action has no resource type
    },
    {
      Sid      = "PullTheImages"
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = distinct(flatten(local.needs[*].repositories))
    },
  ]

  endpoint_statements = {
    "ecr.api" = local.pull_statements
    "ecr.dkr" = local.pull_statements
    "logs" = [{
      Sid      = "WriteTheLogs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = local.needs[*].log_streams
    }]
    "ssm" = [{
      Sid      = "ReadTheKeys"
      Effect   = "Allow"
      Action   = ["ssm:GetParameter", "ssm:GetParameters"]
      Resource = distinct(flatten(local.needs[*].parameters))
    }]
  }
}

resource "aws_vpc_endpoint" "interface" {
  # Without keys and secrets nothing needs SSM. IAM rejects a statement without a resource.
  for_each = { for service, statements in local.endpoint_statements : service => statements if local.private && alltrue([for s in statements : length(s.Resource) > 0]) }

  vpc_id              = aws_vpc.this[0].id
  vpc_endpoint_type   = "Interface"
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  private_dns_enabled = true
  subnet_ids          = [for s in aws_subnet.private : s.id]
  security_group_ids  = [aws_security_group.endpoints[0].id]

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for s in each.value : merge(s, { Principal = "*", Condition = local.own_account })]
  })

  tags = { Name = "${local.id}-${each.key}" }
}

resource "aws_vpc_endpoint" "s3" {
  count = local.private ? 1 : 0

  vpc_id            = aws_vpc.this[0].id
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${var.region}.s3"
  route_table_ids   = [aws_route_table.private[0].id]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ImageLayers"
      Effect    = "Allow"
      Principal = "*"
      Action    = ["s3:GetObject"]
      Resource  = "${local.layer_bucket_arn}/*"
    }]
  })

  tags = { Name = "${local.id}-s3" }
}

resource "aws_security_group" "endpoints" {
  count = local.private ? 1 : 0

  name        = "${local.id}-endpoints"
  description = "Interface endpoints: the tasks in, nothing out."
  vpc_id      = aws_vpc.this[0].id

  tags = { Name = "${local.id}-endpoints" }
}
