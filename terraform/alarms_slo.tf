# The promise, watched by how fast its budget burns: multi-window, multi-burn-rate, after chapter 5 of Google's SRE workbook.
# A burn rate of 1 spends the budget of 30 days in 30 days. A tier goes off when a long window says that it is serious and a
# short one that it is still going on: so it is neither jumpy nor slow to end. Reasons for every figure: docs/observability.md.

locals {
  slo_tiers = {
    fast   = { factor = 14.4, long = 3600, short = 300, topic = "page" }  # 2 % of the budget in an hour
    slow   = { factor = 6, long = 21600, short = 1800, topic = "page" }   # 5 % in six hours
    ticket = { factor = 3, long = 86400, short = 7200, topic = "notify" } # 10 % in a day, the longest single period there is
  }

  # One child alarm for each window. Only the long window has the floor: both must be in ALARM.
  slo_windows = merge([for tier, t in local.slo_tiers : {
    "${tier}-long"  = { tier = tier, factor = t.factor, period = t.long, requests = var.slo_floor.requests, failures = var.slo_floor.failures }
    "${tier}-short" = { tier = tier, factor = t.factor, period = t.short, requests = 1, failures = 1 }
  }]...)

  # Shares, not percent. Rounded, for 100 - 99.9 is 0.0999… to a computer and would stand so in the plan.
  slo_budget = {
    availability = parseint(format("%.0f", (100 - var.slo_availability) * 10000), 10) / 1000000
    latency      = parseint(format("%.0f", (100 - var.slo_latency.target) * 10000), 10) / 1000000
  }
  slo_latency_seconds = var.slo_latency.milliseconds / 1000
}

# Good is 2xx. Bad is a 5xx by a task or by the load balancer: RequestCount would miss what the balancer refused for want of a
# task. A 4xx is neither, so a storm of 401 can neither spend the budget nor hide an outage.
resource "aws_cloudwatch_metric_alarm" "slo_availability" {
  for_each = local.slo_windows

  alarm_name          = "${local.id}-slo-availability-${each.key}"
  alarm_description   = "Part of ${local.id}-slo-availability-${each.value.tier}; sends nothing itself. Runbook: ${var.runbook_url}#slo-availability"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.factor
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching" # no requests, no failures

  metric_query {
    id          = "burn"
    label       = "burn rate"
    return_data = true
    expression  = "IF(good + bad_task + bad_balancer >= ${each.value.requests} AND bad_task + bad_balancer >= ${each.value.failures}, (bad_task + bad_balancer) / (good + bad_task + bad_balancer) / ${local.slo_budget.availability}, 0)"
  }

  metric_query {
    id = "good"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_Target_2XX_Count"
      dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
      period      = each.value.period
      stat        = "Sum"
    }
  }

  metric_query {
    id = "bad_task"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_Target_5XX_Count"
      dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
      period      = each.value.period
      stat        = "Sum"
    }
  }

  metric_query {
    id = "bad_balancer"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_ELB_5XX_Count"
      dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
      period      = each.value.period
      stat        = "Sum"
    }
  }
}

# Bad is an answer of the API that took longer than promised. The sidecar's figure, because it exists only where the API answered:
# a flood of 401, answered in microseconds, cannot make a slow service look fast. What the API never answered is a 5xx, counted above.
resource "aws_cloudwatch_metric_alarm" "slo_latency" {
  for_each = local.slo_windows

  alarm_name          = "${local.id}-slo-latency-${each.key}"
  alarm_description   = "Part of ${local.id}-slo-latency-${each.value.tier}; sends nothing itself. Runbook: ${var.runbook_url}#slo-latency"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.factor
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "burn"
    label       = "burn rate"
    return_data = true
    expression  = "IF(answers >= ${each.value.requests} AND answers * (100 - in_time) / 100 >= ${each.value.failures}, (100 - in_time) / 100 / ${local.slo_budget.latency}, 0)"
  }

  metric_query {
    id = "in_time"

    metric {
      namespace   = local.metrics_namespace
      metric_name = "UpstreamTime"
      dimensions  = { service = local.id, route = local.operation }
      period      = each.value.period
      stat        = "PR(:${local.slo_latency_seconds})" # percent of the answers at or below
    }
  }

  metric_query {
    id = "answers"

    metric {
      namespace   = local.metrics_namespace
      metric_name = "UpstreamTime"
      dimensions  = { service = local.id, route = local.operation }
      period      = each.value.period
      stat        = "SampleCount"
    }
  }
}

resource "aws_cloudwatch_composite_alarm" "slo_availability" {
  for_each = local.slo_tiers

  alarm_name        = "${local.id}-slo-availability-${each.key}"
  alarm_description = "Requests fail ${each.value.factor} times as fast as ${var.slo_availability} % a month allows. Runbook: ${var.runbook_url}#slo-availability First: ${local.first_command["slo-availability"]}"
  alarm_rule        = "ALARM(\"${aws_cloudwatch_metric_alarm.slo_availability["${each.key}-long"].alarm_name}\") AND ALARM(\"${aws_cloudwatch_metric_alarm.slo_availability["${each.key}-short"].alarm_name}\")"
  alarm_actions     = [aws_sns_topic.this[each.value.topic].arn]
  ok_actions        = [aws_sns_topic.this[each.value.topic].arn]
}

resource "aws_cloudwatch_composite_alarm" "slo_latency" {
  for_each = local.slo_tiers

  alarm_name        = "${local.id}-slo-latency-${each.key}"
  alarm_description = "Answers over ${var.slo_latency.milliseconds} ms come ${each.value.factor} times as often as ${var.slo_latency.target} % in time allows. Runbook: ${var.runbook_url}#slo-latency First: ${local.first_command["slo-latency"]}"
  alarm_rule        = "ALARM(\"${aws_cloudwatch_metric_alarm.slo_latency["${each.key}-long"].alarm_name}\") AND ALARM(\"${aws_cloudwatch_metric_alarm.slo_latency["${each.key}-short"].alarm_name}\")"
  alarm_actions     = [aws_sns_topic.this[each.value.topic].arn]
  ok_actions        = [aws_sns_topic.this[each.value.topic].arn]
}
