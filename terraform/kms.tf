# One customer-managed key for what the stack keeps: the parameter, the log groups, and messages about alarms.
# Who may use it is written here and in service/iam.tf, nowhere else.

locals {
  kms_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        # Without this statement nobody could ever change the key again. It lets IAM policies of this account decide.
        Sid       = "AccountAdministers"
        Effect    = "Allow"
        Principal = { AWS = local.arn.account_root }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "LogsEncryptTheirGroups"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.region}.amazonaws.com" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = [for name in flatten(local.needs[*].log_groups) : "${local.arn.log_groups}:${name}"] } }
      },
      {
        # A statement of its own, because DescribeKey has no encryption context that a condition could test.
        Sid       = "LogsDescribeTheKey"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.region}.amazonaws.com" }
        Action    = ["kms:DescribeKey"]
        Resource  = "*"
      },
      {
        # An encrypted topic swallows alarms and events silently when their services may not use its key.
        Sid       = "AlarmsPublish"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
      {
        # EventBridge sends no source to KMS when it publishes to an encrypted topic, so a condition on aws:SourceAccount or
        # aws:SourceArn rejects it: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html. The policies of the topics
        # accept only our rules.
        Sid       = "EventsPublish"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
      },
    ]
  }
}

resource "aws_kms_key" "this" {
  description             = "${local.id}: API keys, logs, alarm messages"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = jsonencode(local.kms_policy)
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.id}"
  target_key_id = aws_kms_key.this.key_id
}
