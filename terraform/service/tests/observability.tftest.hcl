# The alarms and events of the service.

mock_provider "aws" {
  source          = "../tests/mocks"
  override_during = plan
}

variables {
  document = jsondecode(file("../../services/sum/openapi.json"))
}

run "alarms" {
  command = plan

  assert {
    condition     = toset(one(aws_ecs_service.this.alarms).alarm_names) == toset(["sum-api-production-target-5xx", "sum-api-production-latency-p99"]) && one(aws_ecs_service.this.alarms).rollback
    error_message = "Only two alarms must roll a deployment back: 5xx of tasks and slow tasks. A caller must not be able to cause a rollback."
  }

  assert {
    condition     = local.nginx_environment.METRICS_NAMESPACE == local.metrics_namespace && local.nginx_environment.SERVICE_NAME == local.id
    error_message = "The sidecar must write its metrics with the namespace and the service that the alarms use."
  }

  assert {
    condition     = alltrue([for name, r in aws_cloudwatch_event_rule.this : length(r.description) <= 512 && aws_cloudwatch_event_target.this[name].arn == var.topics["notify"]])
    error_message = "Each event must go to the topic notify. Its description must have at most 512 characters."
  }

  assert {
    condition     = alltrue([for t in aws_cloudwatch_event_target.this : t.dead_letter_config[0].arn == aws_sqs_queue.undelivered_events.arn && t.retry_policy[0].maximum_event_age_in_seconds <= 3600])
    error_message = "An event that cannot be delivered must be in the queue after an hour."
  }

  assert {
    condition     = aws_sqs_queue.undelivered_events.sqs_managed_sse_enabled && aws_sqs_queue.undelivered_events.kms_master_key_id == null && aws_sqs_queue.undelivered_events.message_retention_seconds == 1209600
    error_message = "The queue must keep events for two weeks. It must not use the environment's key, because it must work without it."
  }

  assert {
    condition = [for s in jsondecode(aws_sqs_queue_policy.undelivered_events.policy).Statement : [s.Principal.Service, s.Action, s.Resource, s.Condition.ArnEquals["aws:SourceArn"]] if s.Effect == "Allow"] == [[
      "events.amazonaws.com", "sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:sum-api-production-undelivered-events",
      ["arn:aws:events:us-east-1:123456789012:rule/sum-api-production-deployment-failed", "arn:aws:events:us-east-1:123456789012:rule/sum-api-production-task-stopped"],
    ]]
    error_message = "Only the two rules must be able to send events to the queue."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["events-undelivered"].threshold == 1 && aws_cloudwatch_metric_alarm.this["events-undelivered"].alarm_actions == toset([var.topics["notify"]])
    error_message = "The alarm must fire at the first event in the queue."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["certificate-expiring"].threshold < 45 && aws_cloudwatch_metric_alarm.this["certificate-expiring"].threshold >= 14
    error_message = "The alarm must fire after ACM's renewal, which is 45 or 60 days before the end, and leave two weeks for a repair."
  }
}

run "objectives_come_from_document" {
  command = plan

  variables {
    document = merge(jsondecode(file("../../services/sum/openapi.json")), { x-service = merge(jsondecode(file("../../services/sum/openapi.json"))["x-service"], {
      objectives = { availability = 99.95, latency = { target = 99.5, within = "100ms" }, window = "14d" }
    }) })
  }

  assert {
    condition     = strcontains([for q in aws_cloudwatch_metric_alarm.this["slo-availability-fast-long"].metric_query : q.expression if q.id == "burn"][0], "/ 0.0005, 0)")
    error_message = "The budget of 99.95 % must be 0.0005."
  }

  assert {
    condition     = [for q in aws_cloudwatch_metric_alarm.this["slo-latency-fast-long"].metric_query : one(q.metric).stat if q.id == "in_time"][0] == "PR(:0.1)"
    error_message = "The alarm must have the latency objective in seconds."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.rollback["latency-p99"].threshold == 0.4
    error_message = "The threshold of the p99 alarm must be four times the objective."
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "-P14D")
    error_message = "The dashboard must show the window of the objectives."
  }
}

run "plain_http_has_no_certificate_alarm" {
  command = plan

  variables {
    domain_name   = null
    zone_id       = null
    insecure_http = true
  }

  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "certificate-expiring")
    error_message = "Without HTTPS, there must be no certificate alarm."
  }

  expect_failures = [check.plain_http]
}
