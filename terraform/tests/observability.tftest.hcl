# The whole root: topics, and who may publish to them. `cargo xtask plan-json` takes the plan of the run `stack` from here, whose provider
# is mocked and answers with names that a check can recognise; ops/tests hold it to scenarios.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

# Route 53's region.
mock_provider "aws" {
  alias           = "us_east_1"
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  alarm_emails = { page = ["page@example.com"], notify = ["notify@example.com"] }
  runbook_url  = "docs/runbook.md"
  services     = { sum = { domain_name = "sum.example.com", zone_id = "Z0123456789EXAMPLE", outside_probe = true, enable_waf = true } }
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
}

run "nobody_has_an_address" {
  command = plan

  variables {
    alarm_emails = {}
  }

  expect_failures = [check.page_subscription]

  assert {
    condition     = length(aws_budgets_budget.account) == 0
    error_message = "Without a limit there must be no budget."
  }
}

run "addresses_for_notify_wake_nobody" {
  command = plan

  variables {
    alarm_emails = { notify = ["notify@example.com"] }
  }

  expect_failures = [check.page_subscription]
}

run "a_pager_needs_no_address" {
  command = plan

  variables {
    alarm_emails    = {}
    pager_connected = true
  }
}

run "a_budget" {
  command = plan

  variables {
    monthly_budget_usd = 150
  }

  assert {
    condition = (
      aws_budgets_budget.account[0].name == "sum-api-production" && aws_budgets_budget.account[0].limit_amount == "150" && aws_budgets_budget.account[0].time_unit == "MONTHLY"
      && toset([for n in aws_budgets_budget.account[0].notification : "${n.notification_type} ${n.threshold} ${n.threshold_type}"]) == toset(["FORECASTED 100 PERCENTAGE", "ACTUAL 100 PERCENTAGE"])
    )
    error_message = "The forecast and the bill must be told when they pass the limit."
  }

  assert {
    condition     = alltrue([for n in aws_budgets_budget.account[0].notification : n.subscriber_email_addresses == toset(["notify@example.com"])])
    error_message = "A bill wakes nobody: it goes to notify."
  }

  assert {
    condition     = length(aws_budgets_budget.account[0].cost_filter) == 0
    error_message = "A filter by a tag that is not activated would see nothing."
  }
}

run "a_budget_without_notify" {
  command = plan

  variables {
    alarm_emails       = { page = ["page@example.com"] }
    monthly_budget_usd = 150
  }

  assert {
    condition     = alltrue([for n in aws_budgets_budget.account[0].notification : n.subscriber_email_addresses == toset(["page@example.com"])])
    error_message = "Somebody must hear of the bill."
  }
}

run "outside_probe" {
  command = plan

  assert {
    condition = alltrue([for check in [aws_route53_health_check.outside["sum-api-production"]] :
      check.type == "HTTPS" && check.enable_sni && check.fqdn == "sum.example.com" && check.port == 443 && check.resource_path == "/readyz" && length(check.regions) >= 3 && check.request_interval * check.failure_threshold <= 90
    ])
    error_message = "Three regions must ask for readiness by the name and by TLS, and know within two minutes."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.outside["sum-api-production"].dimensions == tomap({ HealthCheckId = "00000000-1111-2222-3333-444444444444" }) && aws_cloudwatch_metric_alarm.outside["sum-api-production"].alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:sum-api-production-page"])
    error_message = "The alarm must watch this check, and page."
  }

  assert {
    condition     = length(aws_sns_topic.outside) == 0
    error_message = "In Route 53's own region the topic page hears of it."
  }
}

run "outside_probe_from_another_region" {
  command = plan

  variables {
    region = "eu-west-1"
    images = { sum = {
      api   = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sum-api/api@sha256:1111111111111111111111111111111111111111111111111111111111111111"
      nginx = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sum-api/nginx@sha256:2222222222222222222222222222222222222222222222222222222222222222"
    } }
  }

  override_resource {
    target          = aws_sns_topic.outside
    override_during = plan
    values          = { arn = "arn:aws:sns:us-east-1:123456789012:outside" } # another one than that of the topic page
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.outside["sum-api-production"].alarm_actions == toset([aws_sns_topic.outside[0].arn]) && aws_cloudwatch_metric_alarm.outside["sum-api-production"].ok_actions == toset([aws_sns_topic.outside[0].arn])
    error_message = "An alarm tells a topic of its own region only."
  }

  assert {
    condition     = keys(aws_sns_topic_subscription.outside) == ["page@example.com"]
    error_message = "The addresses of page must be subscribed to this topic too."
  }

  assert {
    condition     = [for s in jsondecode(aws_sns_topic_policy.outside[0].policy).Statement : s.Condition.ArnLike["aws:SourceArn"]] == [["arn:aws:cloudwatch:us-east-1:123456789012:alarm:sum-api-production-unreachable"]]
    error_message = "Nothing but this alarm may publish to the topic."
  }
}

run "without_an_outside_probe" {
  command = plan

  variables {
    services = { sum = { domain_name = "sum.example.com", zone_id = "Z0123456789EXAMPLE" } }
  }

  assert {
    condition     = length(aws_route53_health_check.outside) == 0 && length(aws_cloudwatch_metric_alarm.outside) == 0
    error_message = "Nobody asks from outside unless somebody wants it."
  }
}

# The last: Terraform runs nothing after a failure that did not come.
run "nobody_has_confirmed" {
  command = plan

  override_resource {
    target          = aws_sns_topic_subscription.email
    override_during = plan
    values          = { pending_confirmation = true }
  }

  expect_failures = [check.page_subscription]
}
