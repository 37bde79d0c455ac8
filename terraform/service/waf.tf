# Optional: blocked addresses, limits for each address over all tasks, and AWS's common rules. WAF applies them before a request
# reaches a task. Off by default because of the price: 5 USD per month for the ACL, 1 USD for each of four rules, 0.30 USD for the
# alarm waf-blocked, and 0.60 USD per million requests.
#
# WAF reads requests only, so it cannot see that a key was rejected. A guesser at 100 requests a minute is slower than a client,
# which can send 5 per second. Therefore no rate limit can stop the guesser without stopping clients. The operator blocks its address
# with waf_blocked_cidrs. Requests without any key have their own limit, because no client sends them.
#
# Request sampling is off. A sample shows every header, including x-api-key, and the redaction of the log does not apply to it.

locals {
  # Names of the CloudWatch metrics, for the whole ACL and for each rule.
  waf_metric = merge({ all = local.id }, { for rule in ["blocked", "no-key", "rate", "common"] : rule => "${local.id}-${rule}" })

  # Requests per minute: twice the limit of one client over all tasks.
  waf_address_limit = max(100, 2 * 60 * try(local.rate_limit.rate, local.limits.client.rate) * var.scaling.max)

  # The paths of the operations that need a key. WAF compares the whole path, or its beginning if it has a parameter. Paths that an
  # operation without a key also uses are omitted, because its callers send no key.
  waf_templates = { for operation in values(local.operations) : split("{", operation.path)[0] => strcontains(operation.path, "{")... if operation.security == "apiKey" }
  waf_paths = { for start, templates in local.waf_templates : start => anytrue(templates) ? "STARTS_WITH" : "EXACTLY"
    if !anytrue([for operation in values(local.operations) : operation.security != "apiKey" && (anytrue(templates) ? startswith(operation.path, start) : operation.path == start)])
  }
}

resource "aws_wafv2_ip_set" "blocked" {
  count = var.enable_waf ? 1 : 0

  name               = "${local.id}-blocked"
  description        = "Addresses of waf_blocked_cidrs."
  scope              = "REGIONAL"
  ip_address_version = "IPV4"
  addresses          = var.waf_blocked_cidrs
}

resource "aws_wafv2_web_acl" "this" {
  count = var.enable_waf ? 1 : 0

  # checkov:skip=CKV_AWS_192: Log4j is a Java library; there is no Java here.
  name        = local.id
  description = "Blocked addresses, limits for each address and the managed common rule set."
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "blocked"
    priority = 0

    action {
      block {}
    }

    statement {
      ip_set_reference_statement {
        arn = aws_wafv2_ip_set.blocked[0].arn
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = local.waf_metric.blocked
      sampled_requests_enabled   = false
    }
  }

  # Requests without a key to operations that need one. A client that forgets its key notices the 401s long before this limit.
  dynamic "rule" {
    for_each = length(local.waf_paths) > 0 ? [true] : []

    content {
      name     = "no-key"
      priority = 5

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
          limit                 = 60

          scope_down_statement {
            and_statement {
              # WAF rejects an `or` with a single statement.
              statement {
                dynamic "byte_match_statement" {
                  for_each = length(local.waf_paths) == 1 ? local.waf_paths : {}

                  content {
                    search_string         = byte_match_statement.key
                    positional_constraint = byte_match_statement.value

                    field_to_match {
                      uri_path {}
                    }

                    text_transformation {
                      priority = 0
                      type     = "NONE"
                    }
                  }
                }

                dynamic "or_statement" {
                  for_each = length(local.waf_paths) > 1 ? [local.waf_paths] : []

                  content {
                    dynamic "statement" {
                      for_each = or_statement.value

                      content {
                        byte_match_statement {
                          search_string         = statement.key
                          positional_constraint = statement.value

                          field_to_match {
                            uri_path {}
                          }

                          text_transformation {
                            priority = 0
                            type     = "NONE"
                          }
                        }
                      }
                    }
                  }
                }
              }

              statement {
                not_statement {
                  statement {
                    size_constraint_statement {
                      comparison_operator = "GT"
                      size                = 0

                      field_to_match {
                        single_header {
                          name = "x-api-key"
                        }
                      }

                      text_transformation {
                        priority = 0
                        type     = "NONE"
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = local.waf_metric["no-key"]
        sampled_requests_enabled   = false
      }
    }
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
        limit                 = local.waf_address_limit
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = local.waf_metric.rate
      sampled_requests_enabled   = false
    }
  }

  rule {
    name     = "common"
    priority = 20

    # These rules also block some legitimate API requests, such as those without a User-Agent. Therefore they count by default, and
    # their metrics show what they would have blocked.
    override_action {
      dynamic "count" {
        for_each = var.waf_common_rules == "count" ? [true] : []
        content {}
      }

      dynamic "none" {
        for_each = var.waf_common_rules == "block" ? [true] : []
        content {}
      }
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesCommonRuleSet"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = local.waf_metric.common
      sampled_requests_enabled   = false
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
    metric_name                = local.waf_metric.all
    sampled_requests_enabled   = false
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
  retention_in_days = var.environment.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  count = var.enable_waf ? 1 : 0

  resource_arn            = aws_wafv2_web_acl.this[0].arn
  log_destination_configs = [aws_cloudwatch_log_group.waf[0].arn]

  # The log must not contain keys.
  redacted_fields {
    single_header {
      name = "x-api-key"
    }
  }
}
