# The wiring of the service's alarms and events.

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
    error_message = "Two alarms roll a deployment back: tasks that answer 5xx, tasks that are slow. Nothing that a caller can cause."
  }

  assert {
    condition     = local.nginx_environment.METRICS_NAMESPACE == local.metrics_namespace && local.nginx_environment.SERVICE_NAME == local.id
    error_message = "The sidecar must write its metrics under the namespace and the service that the alarms watch."
  }

  assert {
    condition     = alltrue([for name, r in aws_cloudwatch_event_rule.this : length(r.description) <= 512 && aws_cloudwatch_event_target.this[name].arn == var.topics["notify"]])
    error_message = "Each event goes to the topic notify, and its description fits EventBridge's 512 characters."
  }

  assert {
    condition     = alltrue([for t in aws_cloudwatch_event_target.this : t.dead_letter_config[0].arn == aws_sqs_queue.undelivered_events.arn && t.retry_policy[0].maximum_event_age_in_seconds <= 3600])
    error_message = "An event that cannot be delivered must be in the queue after an hour."
  }

  assert {
    condition     = aws_sqs_queue.undelivered_events.sqs_managed_sse_enabled && aws_sqs_queue.undelivered_events.kms_master_key_id == null && aws_sqs_queue.undelivered_events.message_retention_seconds == 1209600
    error_message = "The queue must be encrypted without the environment's key, whose failure it must outlive, and keep events for two weeks."
  }

  assert {
    condition = [for s in jsondecode(aws_sqs_queue_policy.undelivered_events.policy).Statement : [s.Principal.Service, s.Action, s.Resource, s.Condition.ArnEquals["aws:SourceArn"]] if s.Effect == "Allow"] == [[
      "events.amazonaws.com", "sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:sum-api-production-undelivered-events",
      ["arn:aws:events:us-east-1:123456789012:rule/sum-api-production-deployment-failed", "arn:aws:events:us-east-1:123456789012:rule/sum-api-production-task-stopped"],
    ]]
    error_message = "The two rules, and nobody else, must be able to leave an event in the queue."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["events-undelivered"].threshold == 1 && aws_cloudwatch_metric_alarm.this["events-undelivered"].alarm_actions == toset([var.topics["notify"]])
    error_message = "The first event in the queue must be told."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["certificate-expiring"].threshold < 45 && aws_cloudwatch_metric_alarm.this["certificate-expiring"].threshold >= 14
    error_message = "The alarm must come after ACM's renewal, 45 or 60 days before the end, and leave two weeks for a repair."
  }
}

run "objectives_are_the_documents" {
  command = plan

  variables {
    document = merge(jsondecode(file("../../services/sum/openapi.json")), { x-service = merge(jsondecode(file("../../services/sum/openapi.json"))["x-service"], {
      objectives = { availability = 99.95, latency = { target = 99.5, within = "100ms" }, window = "14d" }
    }) })
  }

  assert {
    condition     = strcontains([for q in aws_cloudwatch_metric_alarm.this["slo-availability-fast-long"].metric_query : q.expression if q.id == "burn"][0], "/ 0.0005, 0)")
    error_message = "The budget of 99.95 % is 0.0005."
  }

  assert {
    condition     = [for q in aws_cloudwatch_metric_alarm.this["slo-latency-fast-long"].metric_query : one(q.metric).stat if q.id == "in_time"][0] == "PR(:0.1)"
    error_message = "The latency objective must reach the alarm in seconds."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.rollback["latency-p99"].threshold == 0.4
    error_message = "The p99 alarm is at four times the objective."
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "-P14D")
    error_message = "The dashboard must show the window of the objectives."
  }
}

run "plain_http_has_no_certificate_to_watch" {
  command = plan

  variables {
    domain_name   = null
    zone_id       = null
    insecure_http = true
  }

  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "certificate-expiring")
    error_message = "Without HTTPS there is no certificate."
  }

  expect_failures = [check.plain_http]
}
