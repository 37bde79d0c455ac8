# What callers do to the service, from the sidecar's own log lines: none of these is the service's failure, so none pages,
# spends the budget, or rolls a deployment back.

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
}
