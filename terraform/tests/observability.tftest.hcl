# The wiring of alarms, topics and dashboard, offline: the provider is mocked and answers with names that a check can
# recognise. scripts/plan-json.sh takes the plan of the run `stack` from here; ops/tests hold it to scenarios.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  environment     = "production"
  region          = "us-east-1"
  api_image       = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/api@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  nginx_image     = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/nginx@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  api_key         = "offline-test-key"
  api_key_version = 1
  domain_name     = "sum.example.com"
  zone_id         = "Z0123456789EXAMPLE"
  alarm_emails    = { page = ["page@example.com"], notify = ["notify@example.com"] }
}

# Two ARNs, so that a check can tell who is woken from who reads in the morning.
override_resource {
  target          = aws_sns_topic.this["page"]
  override_during = plan
  values          = { arn = "arn:aws:sns:us-east-1:123456789012:sum-api-production-page" }
}

override_resource {
  target          = aws_sns_topic.this["notify"]
  override_during = plan
  values          = { arn = "arn:aws:sns:us-east-1:123456789012:sum-api-production-notify" }
}

run "stack" {
  command = plan

  assert {
    condition = alltrue([for key, t in aws_sns_topic.this : t.kms_master_key_id == aws_kms_key.this.arn])

    error_message = "Both topics must be encrypted with the stack's key: with the key that SNS brings along CloudWatch cannot publish."
  }

  assert {
    condition = alltrue([for key, p in aws_sns_topic_policy.this :
      toset([for s in jsondecode(p.policy).Statement : s.Principal.Service]) == toset(["cloudwatch.amazonaws.com", "events.amazonaws.com"])
      && alltrue([for s in jsondecode(p.policy).Statement : s.Action == "sns:Publish" && s.Resource == aws_sns_topic.this[key].arn && can(s.Condition)])
    ])
    error_message = "CloudWatch and EventBridge, of this account alone, must be able to publish to both topics, and nobody else by this policy."
  }

  assert {
    condition = alltrue([for service, condition in { "cloudwatch.amazonaws.com" = { StringEquals = { "aws:SourceAccount" = "123456789012" } }, "events.amazonaws.com" = null } :
      [for s in jsondecode(aws_kms_key.this.policy).Statement : jsonencode([s.Action, try(s.Condition, null)]) if try(s.Principal.Service, null) == service]
      == [jsonencode([["kms:Decrypt", "kms:GenerateDataKey"], condition])]
    ])
    error_message = "The key must let CloudWatch, for this account, and EventBridge, which names no source to KMS, use it."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 2 && aws_sns_topic_subscription.email["page page@example.com"].topic_arn == aws_sns_topic.this["page"].arn
    error_message = "Each address must be subscribed to its topic."
  }

  assert {
    condition     = toset(one(aws_ecs_service.this.alarms).alarm_names) == toset(["sum-api-production-target-5xx", "sum-api-production-latency-p99"]) && one(aws_ecs_service.this.alarms).rollback
    error_message = "Two alarms roll a deployment back: tasks that answer 5xx, tasks that are slow. Nothing that a caller can cause."
  }

  assert {
    condition     = local.nginx_environment.METRICS_NAMESPACE == local.metrics_namespace && local.nginx_environment.SERVICE_NAME == local.id
    error_message = "The sidecar must write its metrics under the namespace and the service that the alarms watch."
  }

  assert {
    condition     = alltrue([for name, r in aws_cloudwatch_event_rule.this : length(r.description) <= 512 && aws_cloudwatch_event_target.this[name].arn == aws_sns_topic.this["notify"].arn])
    error_message = "Each event goes to the topic notify, and its description fits EventBridge's 512 characters."
  }
}

run "the_certificate" {
  command = plan

  assert {
    condition     = one(aws_cloudwatch_metric_alarm.certificate_expiring).threshold < 45 && one(aws_cloudwatch_metric_alarm.certificate_expiring).threshold >= 14
    error_message = "The alarm must come after ACM's renewal, 45 or 60 days before the end, and leave two weeks for a repair."
  }
}

run "promises_are_numbers_that_can_be_kept" {
  command = plan

  variables {
    slo_availability = 99.95
    slo_latency      = { target = 99.5, milliseconds = 100 }
  }

  assert {
    condition     = strcontains([for q in aws_cloudwatch_metric_alarm.slo_availability["fast-long"].metric_query : q.expression if q.id == "burn"][0], "/ 0.0005, 0)")
    error_message = "The budget of 99.95 % is 0.0005."
  }

  assert {
    condition     = [for q in aws_cloudwatch_metric_alarm.slo_latency["fast-long"].metric_query : one(q.metric).stat if q.id == "in_time"][0] == "PR(:0.1)"
    error_message = "The latency objective must reach the alarm in seconds."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.latency_p99.threshold == 0.4
    error_message = "The p99 alarm is at four times the objective."
  }
}

run "plain_http_has_no_certificate_to_watch" {
  command = plan

  variables {
    domain_name         = null
    zone_id             = null
    insecure_http       = true
    deletion_protection = false
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.certificate_expiring) == 0
    error_message = "Without HTTPS there is no certificate."
  }

  expect_failures = [check.plain_http]
}

run "refuses_a_promise_of_everything" {
  command = plan
  variables { slo_availability = 100 }
  expect_failures = [var.slo_availability]
}

run "refuses_an_objective_beyond_the_timeout" {
  command = plan
  variables { slo_latency = { target = 99, milliseconds = 6000 } }
  expect_failures = [var.slo_latency]
}

run "refuses_a_floor_of_more_failures_than_requests" {
  command = plan
  variables { slo_floor = { requests = 5, failures = 6 } }
  expect_failures = [var.slo_floor]
}

run "refuses_what_is_no_address" {
  command = plan
  variables { alarm_emails = { page = ["nobody"] } }
  expect_failures = [var.alarm_emails]
}

run "refuses_a_runbook_with_a_fragment" {
  command = plan
  variables { runbook_url = "https://example.com/runbook.md#top" }
  expect_failures = [var.runbook_url]
}
