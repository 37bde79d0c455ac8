# What ECS says of its own accord, and no metric tells: a deployment that failed, a task that ended by itself. EventBridge
# takes it to the topic as a sentence with the runbook's section. A rule's description, which AWS ends at 512 characters, has no
# room for the first command besides. What EventBridge cannot deliver goes to a queue, and an alarm says so (events-undelivered).

locals {
  events = {
    deployment-failed = {
      says = "A deployment failed; ECS has gone back to the one before, or tries to."
      pattern = {
        source      = ["aws.ecs"]
        detail-type = ["ECS Deployment State Change"]
        resources   = ["${local.arn.ecs}:service/${var.cluster.name}/${local.id}"]
        detail      = { eventName = ["SERVICE_DEPLOYMENT_FAILED"] }
      }
      paths = { reason = "$.detail.reason", subject = "$.detail.deploymentId" }
    }
    task-stopped = {
      says = "A task ended, and nobody had asked it to. ECS starts another."
      pattern = {
        source      = ["aws.ecs"]
        detail-type = ["ECS Task State Change"]
        detail = {
          clusterArn = ["${local.arn.ecs}:cluster/${var.cluster.name}"]
          group      = ["service:${local.id}"]
          lastStatus = ["STOPPED"]
          stopCode   = ["EssentialContainerExited", "TaskFailedToStart"]
        }
      }
      paths = { reason = "$.detail.stoppedReason", subject = "$.detail.taskArn" }
    }
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.events

  name          = "${local.id}-${each.key}"
  description   = "${each.value.says} Runbook: ${var.environment.runbook_url}#${each.key}"
  event_pattern = jsonencode(each.value.pattern)
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.events

  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = "notify"
  arn       = var.topics["notify"]

  input_transformer {
    input_paths = each.value.paths
    # A JSON string: EventBridge puts the values in, SNS mails the text.
    input_template = "\"${local.id} ${each.key}: ${each.value.says} <subject>: <reason>. Runbook: ${var.environment.runbook_url}#${each.key}\""
  }

  # EventBridge tries for a day unless told otherwise. News of a failed deployment is of no use that late.
  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered_events.arn
  }
}

# Encrypted with a key of SQS's own and not with the environment's: when that key is why the topic takes nothing, the queue must
# still work.
resource "aws_sqs_queue" "undelivered_events" {
  name                      = "${local.id}-undelivered-events"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600 # two weeks, the longest that there is
}

resource "aws_sqs_queue_policy" "undelivered_events" {
  queue_url = aws_sqs_queue.undelivered_events.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "EventsLeaveWhatTheyCannotDeliver"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.arn.undelivered_events
        Condition = { ArnEquals = { "aws:SourceArn" = [for name in keys(local.events) : "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.id}-${name}"] } }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.arn.undelivered_events
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}
