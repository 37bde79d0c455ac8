# One customer-managed key for the stored data of the stack: the parameter, the log groups and the alarm messages.
# Only this file and service/iam.tf state who can use it.

locals {
  kms_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        # Lets the IAM policies of this account decide. Without this statement nobody can change the key again.
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
        # A separate statement, because DescribeKey has no encryption context for a condition.
        Sid       = "LogsDescribeTheKey"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.region}.amazonaws.com" }
        Action    = ["kms:DescribeKey"]
        Resource  = "*"
      },
      {
        # If CloudWatch and EventBridge cannot use the key of an encrypted topic, alarms and events are lost without an error.
        Sid       = "AlarmsPublish"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
      {
        # EventBridge sends no source to KMS when it publishes to an encrypted topic. A condition on aws:SourceAccount or
        # aws:SourceArn therefore rejects it: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html. The policies of the topics
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
