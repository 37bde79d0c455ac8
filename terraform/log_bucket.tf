# The bucket for the load balancer's access, connection and health check logs and for the VPC's refused packets. The provider
# cannot enable health check logs: docs/options.md has the command.

resource "aws_s3_bucket" "logs" {
  # checkov:skip=CKV_AWS_144: the logs of one region are enough; nobody reads a copy, and it doubles the costs.
  # checkov:skip=CKV_AWS_145: the load balancer writes only to buckets with SSE-S3. AWS documents no other encryption for it.
  # checkov:skip=CKV_AWS_18: this is the log bucket; logs of its own writes cause more writes.
  # checkov:skip=CKV2_AWS_62: nothing reacts to a new log file.
  bucket        = local.log_bucket_name
  force_destroy = !var.deletion_protection
}

resource "aws_s3_bucket_public_access_block" "logs" {
  bucket = aws_s3_bucket.logs.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "logs" {
  bucket = aws_s3_bucket.logs.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.log_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 7
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.logs]
}

locals {
  log_bucket_name = "${local.id}-logs-${local.account}-${var.region}"
  log_bucket_arn  = "arn:${local.partition}:s3:::${local.log_bucket_name}"

  log_bucket_policy = {
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.log_bucket_arn, "${local.log_bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        # The service adds the account's id at the end of the path, so a load balancer of another account cannot write here.
        Sid       = "LoadBalancerWrites"
        Effect    = "Allow"
        Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = [for prefix in ["access", "connection", "health"] : "${local.log_bucket_arn}/${prefix}/AWSLogs/${local.account}/*"]
      },
      ], [for statement in [
        {
          Sid       = "FlowLogsWrite"
          Effect    = "Allow"
          Principal = { Service = "delivery.logs.amazonaws.com" }
          Action    = "s3:PutObject"
          Resource  = "${local.log_bucket_arn}/AWSLogs/${local.account}/vpcflowlogs/*"
          Condition = local.log_delivery
        },
        {
          Sid       = "FlowLogsCheck"
          Effect    = "Allow"
          Principal = { Service = "delivery.logs.amazonaws.com" }
          Action    = ["s3:GetBucketAcl", "s3:ListBucket"]
          Resource  = local.log_bucket_arn
          Condition = local.log_delivery
        },
    ] : statement if local.private])
  }

  log_delivery = {
    StringEquals = { "aws:SourceAccount" = local.account }
    ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:logs:${var.region}:${local.account}:*" }
  }
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id
  policy = jsonencode(local.log_bucket_policy)

  depends_on = [aws_s3_bucket_public_access_block.logs]
}
