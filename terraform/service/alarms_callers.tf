# What callers do to the service, from the sidecar's own log lines, and what WAF does to callers. None of these is the service's
# failure, so none pages, spends the budget, or rolls a deployment back.

locals {
  caller_alarms = {
    client-throttled = {
      says      = "More than a tenth of the requests with a valid key are over their client's limit, for a quarter of an hour."
      threshold = 10, periods = 3, period = 300
      id        = "share", label = "429, percent of requests with a key", expression = "IF(over >= 60, 100 * over / (all - no_key - no_key_over), 0)"
      metrics = { for id, metric in { over = "ClientThrottled", all = "Requests", no_key = "Unauthorized", no_key_over = "AddressThrottled" } :
        id => [local.metrics_namespace, metric, local.dimensions.service, "Sum"]
      }
    }
    unauthorized-burst = {
      says       = "A hundred requests a minute come without a valid key: somebody guesses, or a rotation forgot a client."
      comparison = "GreaterThanOrEqualToThreshold", threshold = 100, periods = 5, datapoints = 3, period = 60
      id         = "without", label = "requests without a valid key", expression = "refused + over"
      metrics = { for id, metric in { refused = "Unauthorized", over = "AddressThrottled" } :
        id => [local.metrics_namespace, metric, local.dimensions.service, "Sum"]
      }
    }
  }

  # WAF refuses requests before a task sees them, so no other alarm counts them. Addresses that somebody has put on the list
  # waf_blocked_cidrs are meant to be refused, so they do not count here.
  waf_alarms = { for name, alarm in {
    waf-blocked = {
      says      = "For ten minutes WAF refuses more than one request in twenty, besides the addresses that are on the list: these may be real callers."
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
