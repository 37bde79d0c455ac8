# What callers do to the service, from the sidecar's own log lines: none of these is the service's failure, so none pages,
# spends the budget, or rolls a deployment back.

resource "aws_cloudwatch_metric_alarm" "client_throttled" {
  alarm_name          = "${local.id}-client-throttled"
  alarm_description   = "More than a tenth of the requests with a valid key are over their client's limit, for a quarter of an hour. ${local.runbook["client-throttled"]}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 10
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions["notify"]
  ok_actions          = local.alarm_actions["notify"]

  metric_query {
    id          = "share"
    label       = "429, percent of requests with a key"
    return_data = true
    expression  = "IF(over >= 60, 100 * over / (all - no_key - no_key_over), 0)"
  }

  metric_query {
    id = "over"

    metric {
      namespace   = local.metrics_namespace
      metric_name = "ClientThrottled"
      dimensions  = { service = local.id, route = local.operation }
      period      = 300
      stat        = "Sum"
    }
  }

  metric_query {
    id = "all"

    metric {
      namespace   = local.metrics_namespace
      metric_name = "Requests"
      dimensions  = { service = local.id, route = local.operation }
      period      = 300
      stat        = "Sum"
    }
  }

  metric_query {
    id = "no_key"

    metric {
      namespace   = local.metrics_namespace
      metric_name = "Unauthorized"
      dimensions  = { service = local.id, route = local.operation }
      period      = 300
      stat        = "Sum"
    }
  }

  metric_query {
    id = "no_key_over"

    metric {
      namespace   = local.metrics_namespace
      metric_name = "AddressThrottled"
      dimensions  = { service = local.id, route = local.operation }
      period      = 300
      stat        = "Sum"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "unauthorized_burst" {
  alarm_name          = "${local.id}-unauthorized-burst"
  alarm_description   = "A hundred requests a minute come without a valid key: somebody guesses, or a rotation forgot a client. ${local.runbook["unauthorized-burst"]}"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 100
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions["notify"]
  ok_actions          = local.alarm_actions["notify"]

  metric_query {
    id          = "without"
    label       = "requests without a valid key"
    return_data = true
    expression  = "refused + over"
  }

  metric_query {
    id = "refused"

    metric {
      namespace   = local.metrics_namespace
      metric_name = "Unauthorized"
      dimensions  = { service = local.id, route = local.operation }
      period      = 60
      stat        = "Sum"
    }
  }

  metric_query {
    id = "over"

    metric {
      namespace   = local.metrics_namespace
      metric_name = "AddressThrottled"
      dimensions  = { service = local.id, route = local.operation }
      period      = 60
      stat        = "Sum"
    }
  }
}
