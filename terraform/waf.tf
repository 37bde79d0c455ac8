# Optional: a limit for each address over all tasks, and AWS's common rules, before a request costs a task anything.
# Off by default: 5 USD for the ACL, 1 USD for each of two rules, each month, and 0.60 USD for a million requests.

resource "aws_wafv2_web_acl" "this" {
  count = var.enable_waf ? 1 : 0

  # checkov:skip=CKV_AWS_192: Log4j is a Java library; there is no Java here.
  name        = local.id
  description = "Rate rule for each address and the managed common rule set."
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "rate"
    priority = 10

    action {
      block {
        custom_response {
          response_code            = 429
          custom_response_body_key = "too-many-requests"

          response_header {
            name  = "Retry-After"
            value = "60"
          }
        }
      }
    }

    statement {
      rate_based_statement {
        aggregate_key_type    = "IP"
        evaluation_window_sec = 60
        # What one client may ask of all tasks together, and as much again, before the balancer's side says no.
        limit = max(100, 2 * 60 * var.rate_limit.rate * var.scaling.max)
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${local.id}-rate"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "common"
    priority = 20

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesCommonRuleSet"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${local.id}-common"
      sampled_requests_enabled   = true
    }
  }

  custom_response_body {
    key          = "too-many-requests"
    content_type = "APPLICATION_JSON"
    content = jsonencode({
      type                = "https://iana.org/assignments/http-problem-types#quota-exceeded"
      title               = "Too Many Requests"
      status              = 429
      detail              = "Too many requests from this address."
      request_id          = null
      "violated-policies" = ["address"]
    })
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = local.id
    sampled_requests_enabled   = true
  }
}

resource "aws_wafv2_web_acl_association" "alb" {
  count = var.enable_waf ? 1 : 0

  resource_arn = aws_lb.this.arn
  web_acl_arn  = aws_wafv2_web_acl.this[0].arn
}

resource "aws_cloudwatch_log_group" "waf" {
  count = var.enable_waf ? 1 : 0

  name              = local.waf_log_group_name
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  count = var.enable_waf ? 1 : 0

  resource_arn            = aws_wafv2_web_acl.this[0].arn
  log_destination_configs = [aws_cloudwatch_log_group.waf[0].arn]

  # A key in a log would be a leaked key.
  redacted_fields {
    single_header {
      name = "x-api-key"
    }
  }
}
