# All inputs of the environment with their maximum length at the same time. The resources must stay within the limits of AWS.

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
  name        = "a234567890123456"
  environment = "e2345678901"
  region      = "xx-abcdefghijk-1"
  zones       = ["a", "b", "c"]
  images = {
    sum = {
      api   = "123456789012.dkr.ecr.xx-abcdefghijk-1.amazonaws.com/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr@sha256:1111111111111111111111111111111111111111111111111111111111111111"
      nginx = "123456789012.dkr.ecr.xx-abcdefghijk-1.amazonaws.com/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr@sha256:2222222222222222222222222222222222222222222222222222222222222222"
    }
  }
  services = {
    sum = {
      domain_name   = "a-name-of-fifty-two-letters-and-digits-0123456789012.example.com"
      zone_id       = "Z0000000000000000000000000000000"
      enable_waf    = true
      outside_probe = true
      rate_limit    = { rate = 10000, burst = 10000 }
      scaling       = { min = 100, max = 100, requests_per_target = 999999999 }
      ingress_cidrs = concat(["0.0.0.0/0"], [for n in range(29) : "10.0.${n}.0/24"])
    }
  }
  runbook_url        = "https://example.com/runbook/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901"
  alarm_emails       = { page = ["pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp@example.com"], notify = ["nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn@example.com"] }
  log_retention_days = 3653
  monthly_budget_usd = 999999999
}

run "longest_inputs_fit" {
  command = plan

  assert {
    condition     = length(aws_s3_bucket.logs.bucket) <= 63 && can(regex("^[a-z0-9][a-z0-9-]+[a-z0-9]$", aws_s3_bucket.logs.bucket))
    error_message = "A bucket has a name of at most 63 characters."
  }

  assert {
    condition     = alltrue([for t in aws_sns_topic.this : length(t.name) <= 256 && length(t.display_name) <= 100])
    error_message = "A topic has a name of at most 256 characters and a display name of 100."
  }

  assert {
    condition     = length(aws_kms_key.this.description) <= 8192 && length(aws_kms_alias.this.name) <= 256 && length(aws_kms_key.this.policy) <= 32768
    error_message = "A key has a description of at most 8,192 characters, an alias of 256 and a policy of 32,768."
  }

  assert {
    condition     = length(aws_budgets_budget.account[0].name) <= 100 && !can(regex("[:\\\\]", aws_budgets_budget.account[0].name))
    error_message = "A budget has a name of at most 100 characters, without : and \\."
  }

  assert {
    condition     = alltrue([for a in aws_cloudwatch_metric_alarm.outside : length(a.alarm_name) <= 255 && length(a.alarm_description) <= 1024]) && length(aws_cloudwatch_metric_alarm.outside) == 1
    error_message = "An alarm has a name of at most 255 characters and a description of 1,024."
  }

  assert {
    condition     = length(aws_ecs_cluster.this.name) <= 255
    error_message = "A cluster has a name of at most 255 characters."
  }

  assert {
    condition     = alltrue([for e in concat(values(aws_vpc_endpoint.interface), aws_vpc_endpoint.s3) : length(e.policy) <= 20480]) && length(aws_s3_bucket_policy.logs.policy) <= 20480
    error_message = "The policy of an endpoint or a bucket has at most 20,480 characters."
  }

  assert {
    condition     = alltrue([for value in values(local.tags) : length(value) <= 256])
    error_message = "A tag has a value of at most 256 characters."
  }

  assert {
    condition     = alltrue([for s in aws_sns_topic_subscription.email : length(s.endpoint) <= 254])
    error_message = "A mail address has at most 254 characters."
  }

  assert {
    condition     = alltrue([for g in aws_security_group.endpoints : length(g.name) <= 255 && length(g.description) <= 255 && !startswith(g.name, "sg-")])
    error_message = "A security group has a name and a description of at most 255 characters, and its name does not begin with sg-."
  }
}
