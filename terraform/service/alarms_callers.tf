# Alarms on the behavior of callers, from the sidecar's log lines, and on the requests that WAF blocks. These are not failures of the
# service. So they do not page, use the error budget or roll a deployment back.

locals {
  caller_alarms = {
    client-throttled = {
      says      = "For 15 minutes, more than 10 % of the requests with a valid key exceed the limit of their client."
      threshold = 10, periods = 3, period = 300
      id        = "share", label = "429, percent of requests with a key", expression = "IF(over >= 60, 100 * over / (all - no_key - no_key_over), 0)"
      metrics = { for id, metric in { over = "ClientThrottled", all = "Requests", no_key = "Unauthorized", no_key_over = "AddressThrottled" } :
        id => [local.metrics_namespace, metric, local.dimensions.service, "Sum"]
      }
    }
    unauthorized-burst = {
      says       = "At least 100 requests per minute have no valid key: a caller guesses keys, or a client missed a key rotation."
      comparison = "GreaterThanOrEqualToThreshold", threshold = 100, periods = 5, datapoints = 3, period = 60
      id         = "without", label = "requests without a valid key", expression = "refused + over"
      metrics = { for id, metric in { refused = "Unauthorized", over = "AddressThrottled" } :
        id => [local.metrics_namespace, metric, local.dimensions.service, "Sum"]
      }
    }
  }

  # Requests that WAF blocks do not reach a task, so no other alarm counts them. This alarm does not count the addresses in
  # waf_blocked_cidrs, because an operator blocked them on purpose.
  waf_alarms = { for name, alarm in {
    waf-blocked = {
      says      = "For ten minutes, WAF blocks more than 5 % of the requests, without the addresses of waf_blocked_cidrs. These can be real callers."
      threshold = 5, periods = 3, datapoints = 2, period = 300
      id        = "share", label = "refused by WAF, percent of requests", expression = "IF(refused - listed >= 50, 100 * (refused - listed) / (refused - listed + allowed), 0)"
      metrics = {
        allowed = ["AWS/WAFV2", "AllowedRequests", merge(local.dimensions.waf, { Rule = "ALL" }), "Sum"]
        refused = ["AWS/WAFV2", "BlockedRequests", merge(local.dimensions.waf, { Rule = "ALL" }), "Sum"]
        listed  = ["AWS/WAFV2", "BlockedRequests", merge(local.dimensions.waf, { Rule = local.waf_metric.blocked }), "Sum"]
      }
    }
  } : name => alarm if var.enable_waf }
}
