# The whole root: topics, and who may publish to them. `cargo xtask plan-json` takes the plan of the run `stack` from here, whose provider
# is mocked and answers with names that a check can recognise; ops/tests hold it to scenarios.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  alarm_emails = { page = ["page@example.com"], notify = ["notify@example.com"] }
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
