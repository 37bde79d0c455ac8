# The whole root: topics and their publishers. `cargo xtask plan-json` uses the plan of the run `stack`. Its provider
# is mocked and returns names that a check can recognise. ops/tests compare the plan with scenarios.

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

# Two ARNs, so that a check can distinguish the topics page and notify.
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

    error_message = "Both topics must be encrypted with the stack's key: CloudWatch cannot publish with the AWS-managed key of SNS."
  }

  assert {
    condition = alltrue([for key, p in aws_sns_topic_policy.this :
      toset([for s in jsondecode(p.policy).Statement : s.Principal.Service]) == toset(["cloudwatch.amazonaws.com", "events.amazonaws.com"])
      && alltrue([for s in jsondecode(p.policy).Statement : s.Action == "sns:Publish" && s.Resource == aws_sns_topic.this[key].arn && can(s.Condition)])
    ])
    error_message = "The policy must allow only CloudWatch and EventBridge of this account to publish to both topics."
  }

  assert {
    condition = alltrue([for service, condition in { "cloudwatch.amazonaws.com" = { StringEquals = { "aws:SourceAccount" = "123456789012" } }, "events.amazonaws.com" = null } :
      [for s in jsondecode(aws_kms_key.this.policy).Statement : jsonencode([s.Action, try(s.Condition, null)]) if try(s.Principal.Service, null) == service]
      == [jsonencode([["kms:Decrypt", "kms:GenerateDataKey"], condition])]
    ])
    error_message = "The key must allow CloudWatch, for this account, and EventBridge, which sends no source to KMS."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 2 && aws_sns_topic_subscription.email["page page@example.com"].topic_arn == aws_sns_topic.this["page"].arn
    error_message = "Each address must be subscribed to its topic."
  }
}

run "no_address_gives_a_warning" {
  command = plan

  variables {
    alarm_emails = {}
  }

  expect_failures = [check.page_subscription]

  assert {
    condition     = length(aws_budgets_budget.account) == 0
    error_message = "Without monthly_budget_usd, there must be no budget."
  }
}

run "only_notify_addresses_give_a_warning" {
  command = plan

  variables {
    alarm_emails = { notify = ["notify@example.com"] }
  }

  expect_failures = [check.page_subscription]
}

run "pager_needs_no_address" {
  command = plan

  variables {
    alarm_emails    = {}
    pager_connected = true
  }
}

run "budget" {
  command = plan

  variables {
    monthly_budget_usd = 150
  }

  assert {
    condition = (
      aws_budgets_budget.account[0].name == "sum-api-production" && aws_budgets_budget.account[0].limit_amount == "150" && aws_budgets_budget.account[0].time_unit == "MONTHLY"
      && toset([for n in aws_budgets_budget.account[0].notification : "${n.notification_type} ${n.threshold} ${n.threshold_type}"]) == toset(["FORECASTED 100 PERCENTAGE", "ACTUAL 100 PERCENTAGE"])
    )
    error_message = "The budget must send mail when the forecast and when the actual costs pass the limit."
  }

  assert {
    condition     = alltrue([for n in aws_budgets_budget.account[0].notification : n.subscriber_email_addresses == toset(["notify@example.com"])])
    error_message = "The mail of the budget must go to notify."
  }

  assert {
    condition     = length(aws_budgets_budget.account[0].cost_filter) == 0
    error_message = "The budget must have no filter: a filter by an inactive tag counts 0 USD."
  }
}

run "budget_without_notify" {
  command = plan

  variables {
    alarm_emails       = { page = ["page@example.com"] }
    monthly_budget_usd = 150
  }

  assert {
    condition     = alltrue([for n in aws_budgets_budget.account[0].notification : n.subscriber_email_addresses == toset(["page@example.com"])])
    error_message = "Without notify, the mail of the budget must go to page."
  }
}

run "outside_probe" {
  command = plan

  assert {
    condition = alltrue([for check in [aws_route53_health_check.outside["sum-api-production"]] :
      check.type == "HTTPS" && check.enable_sni && check.fqdn == "sum.example.com" && check.port == 443 && check.resource_path == "/readyz" && length(check.regions) >= 3 && check.request_interval * check.failure_threshold <= 90
    ])
    error_message = "Three regions must request the readiness probe by host name and TLS, and detect a failure within two minutes."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.outside["sum-api-production"].dimensions == tomap({ HealthCheckId = "00000000-1111-2222-3333-444444444444" }) && aws_cloudwatch_metric_alarm.outside["sum-api-production"].alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:sum-api-production-page"])
    error_message = "The alarm must use this health check, and page."
  }

  assert {
    condition     = length(aws_sns_topic.outside) == 0
    error_message = "In Route 53's region, the alarm must use the topic page."
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
    error_message = "The alarm must use a topic in its own region."
  }

  assert {
    condition     = keys(aws_sns_topic_subscription.outside) == ["page@example.com"]
    error_message = "The addresses of page must be subscribed to this topic too."
  }

  assert {
    condition     = [for s in jsondecode(aws_sns_topic_policy.outside[0].policy).Statement : s.Condition.ArnLike["aws:SourceArn"]] == [["arn:aws:cloudwatch:us-east-1:123456789012:alarm:sum-api-production-unreachable"]]
    error_message = "Only this alarm must be able to publish to the topic."
  }
}

run "without_an_outside_probe" {
  command = plan

  variables {
    services = { sum = { domain_name = "sum.example.com", zone_id = "Z0123456789EXAMPLE" } }
  }

  assert {
    condition     = length(aws_route53_health_check.outside) == 0 && length(aws_cloudwatch_metric_alarm.outside) == 0
    error_message = "The outside probe must be off by default."
  }
}

# The last run, because Terraform skips the runs after a missing expected failure.
run "unconfirmed_address_gives_a_warning" {
  command = plan

  override_resource {
    target          = aws_sns_topic_subscription.email
    override_during = plan
    values          = { pending_confirmation = true }
  }

  expect_failures = [check.page_subscription]
}
