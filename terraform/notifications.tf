# Two topics: `page` pages a person, and people read `notify` in working hours. Both are encrypted with the stack's key. Its
# policy (kms.tf) allows CloudWatch and EventBridge to use it. With the default key of SNS, neither can publish, without an error.

locals {
  topics = {
    page   = "somebody must act now"
    notify = "somebody must act this week"
  }
}

resource "aws_sns_topic" "this" {
  for_each = local.topics

  name              = "${local.id}-${each.key}"
  display_name      = "${local.id} ${each.key}"
  kms_master_key_id = aws_kms_key.this.arn
}

resource "aws_sns_topic_policy" "this" {
  for_each = local.topics

  arn = aws_sns_topic.this[each.key].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AlarmsPublish"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.this[each.key].arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnLike      = { "aws:SourceArn" = [for service in local.needs : "arn:${local.partition}:cloudwatch:${var.region}:${local.account}:alarm:${service.id}-*"] }
        }
      },
      {
        Sid       = "EventsPublish"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.this[each.key].arn
        Condition = { ArnLike = { "aws:SourceArn" = [for service in local.needs : "arn:${local.partition}:events:${var.region}:${local.account}:rule/${service.id}-*"] } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = merge([for topic in keys(local.topics) : { for address in var.alarm_emails[topic] : "${topic} ${address}" => { topic = topic, address = address } }]...)

  topic_arn = aws_sns_topic.this[each.value.topic].arn
  protocol  = "email"
  endpoint  = each.value.address
}

locals {
  topic_arns = { for name, topic in aws_sns_topic.this : name => topic.arn }
}
