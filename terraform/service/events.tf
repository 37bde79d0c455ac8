# Events of ECS that no metric shows: a deployment failed, or a task stopped by itself. EventBridge sends them to the topic as one
# sentence with the runbook's section. The description of a rule has at most 512 characters, which is too short for the first
# command. Events that EventBridge cannot deliver go to a queue, and the alarm events-undelivered fires.

locals {
  events = {
    deployment-failed = {
      says = "A deployment failed. ECS is rolling back, or rolled back, to the deployment before it."
      pattern = {
        source      = ["aws.ecs"]
        detail-type = ["ECS Deployment State Change"]
        resources   = ["${local.arn.ecs}:service/${var.cluster.name}/${local.id}"]
        detail      = { eventName = ["SERVICE_DEPLOYMENT_FAILED"] }
      }
      paths = { reason = "$.detail.reason", subject = "$.detail.deploymentId" }
    }
    task-stopped = {
      says = "A task stopped unexpectedly. ECS starts another."
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
    # A JSON string. EventBridge inserts the values, and SNS mails the text.
    input_template = "\"${local.id} ${each.key}: ${each.value.says} <subject>: <reason>. Runbook: ${var.environment.runbook_url}#${each.key}\""
  }

  # The default of EventBridge is to retry for a day. A message about a failed deployment is too late then.
  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered_events.arn
  }
}

# Encrypted with the key of SQS, not with the environment's key. If a problem with that key blocks the topic, the queue must still
# work.
resource "aws_sqs_queue" "undelivered_events" {
  name                      = "${local.id}-undelivered-events"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600 # two weeks, the maximum
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
