# Alarms on the burn rate of the objectives in the document: multi-window, multi-burn-rate, as in chapter 5 of Google's SRE workbook.
# A burn rate of 1 uses the budget of 30 days in 30 days. A tier fires if both its windows exceed the rate. The long window filters
# short peaks. The short window ends the alarm soon after the failures stop. docs/observability.md gives the reasons for every figure.

locals {
  slo_tiers = {
    fast   = { factor = 14.4, long = 3600, short = 300, topic = "page" }  # 2 % of the budget in an hour
    slow   = { factor = 6, long = 21600, short = 1800, topic = "page" }   # 5 % in six hours
    ticket = { factor = 3, long = 86400, short = 7200, topic = "notify" } # 10 % in a day, the longest period of a metric alarm
  }

  # One child alarm for each window. Only the long window needs the floor, because the composite fires only if both are in ALARM.
  slo_windows = merge([for tier, t in local.slo_tiers : {
    "${tier}-long"  = { tier = tier, factor = t.factor, period = t.long, requests = var.slo_floor.requests, failures = var.slo_floor.failures }
    "${tier}-short" = { tier = tier, factor = t.factor, period = t.short, requests = 1, failures = 1 }
  }]...)

  # The objectives, by the id of the service or of the operation. Budgets are shares from 0 to 1, not percent. They are rounded, because
  # the floating-point result of 100 - 99.9 is 0.0999… and the plan would show it.
  slo = { for owner, o in local.objectives : owner => {
    availability = { target = o.availability, budget = parseint(format("%.0f", (100 - o.availability) * 10000), 10) / 1000000 }
    latency = can(o.latency) ? {
      target       = o.latency.target
      budget       = parseint(format("%.0f", (100 - o.latency.target) * 10000), 10) / 1000000
      milliseconds = tonumber(trimsuffix(trimsuffix(o.latency.within, "s"), "m")) * (endswith(o.latency.within, "ms") ? 1 : 1000)
    } : null
    suffix     = owner == local.id ? "" : "-${owner}"
    dimensions = merge({ service = local.id }, { for id in [owner] : "operation" => id if id != local.id })
  } }

  window_days  = trimsuffix(local.objectives[local.id].window, "d")
  availability = local.slo[local.id].availability
  latency      = merge(local.slo[local.id].latency, { seconds = local.slo[local.id].latency.milliseconds / 1000 })

  # Good is 2xx. Bad is a 5xx of a task, of its sidecar or of the load balancer. RequestCount does not include the requests that the
  # load balancer rejects without a task. A 4xx is neither good nor bad, so many 401s can neither use the budget nor hide an outage.
  # The metrics of the load balancer cover only the whole service. An operation uses the metrics of the sidecar.
  slo_counts = merge(
    { (local.id) = {
      good         = ["AWS/ApplicationELB", "HTTPCode_Target_2XX_Count", local.dimensions.balancer, "Sum"]
      bad_task     = ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", local.dimensions.balancer, "Sum"]
      bad_balancer = ["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", local.dimensions.balancer, "Sum"]
    } },
    { for id, o in local.slo : id => {
      good         = [local.metrics_namespace, "Served", o.dimensions, "Sum"]
      bad_task     = [local.metrics_namespace, "ApiErrors", o.dimensions, "Sum"]
      bad_balancer = [local.metrics_namespace, "SidecarErrors", o.dimensions, "Sum"]
    } if id != local.id },
  )

  slo_alarms = merge(concat(
    [for owner, o in local.slo : { for window, w in local.slo_windows : "slo-availability${o.suffix}-${window}" => {
      description = "Part of ${local.id}-slo-availability${o.suffix}-${w.tier}. It sends no message. Runbook: ${var.environment.runbook_url}#slo-availability"
      comparison  = "GreaterThanOrEqualToThreshold", threshold = w.factor, periods = 1, period = w.period, topic = null
      id          = "burn", label = "burn rate", expression = "IF(good + bad_task + bad_balancer >= ${w.requests} AND bad_task + bad_balancer >= ${w.failures}, (bad_task + bad_balancer) / (good + bad_task + bad_balancer) / ${o.availability.budget}, 0)"
      metrics     = local.slo_counts[owner]
    } }],
    # Bad is a response of the API that took longer than the objective. UpstreamTime of the sidecar exists only for responses of the API
    # to operations that count. So many 401s or probes cannot hide a slow service. A request without a response of the API is a 5xx,
    # which the availability objective counts.
    [for owner, o in local.slo : { for window, w in local.slo_windows : "slo-latency${o.suffix}-${window}" => {
      description = "Part of ${local.id}-slo-latency${o.suffix}-${w.tier}. It sends no message. Runbook: ${var.environment.runbook_url}#slo-latency"
      comparison  = "GreaterThanOrEqualToThreshold", threshold = w.factor, periods = 1, period = w.period, topic = null
      id          = "burn", label = "burn rate", expression = "IF(answers >= ${w.requests} AND answers * (100 - in_time) / 100 >= ${w.failures}, (100 - in_time) / 100 / ${o.latency.budget}, 0)"
      metrics = {
        in_time = [local.metrics_namespace, "UpstreamTime", o.dimensions, "PR(:${o.latency.milliseconds / 1000})"] # percent of the answers at or below
        answers = [local.metrics_namespace, "UpstreamTime", o.dimensions, "SampleCount"]
      }
    } } if o.latency != null],
  )...)

  # The composite alarms, which send the messages.
  slo_composites = merge(concat(
    [for owner, o in local.slo : { for tier, t in local.slo_tiers : "slo-availability${o.suffix}-${tier}" => {
      says    = "The failure rate is ${t.factor} times the rate that the objective of ${o.availability.target} % allows.", topic = t.topic
      section = "slo-availability"
    } }],
    [for owner, o in local.slo : { for tier, t in local.slo_tiers : "slo-latency${o.suffix}-${tier}" => {
      says    = "The share of responses over ${o.latency.milliseconds} ms is ${t.factor} times the share that the objective of ${o.latency.target} % allows.", topic = t.topic
      section = "slo-latency"
    } } if o.latency != null],
  )...)
}

resource "aws_cloudwatch_composite_alarm" "slo" {
  for_each = local.slo_composites

  alarm_name        = "${local.id}-${each.key}"
  alarm_description = "${each.value.says} ${local.runbook[each.value.section]}"
  alarm_rule        = join(" AND ", [for window in ["long", "short"] : "ALARM(\"${aws_cloudwatch_metric_alarm.this["${each.key}-${window}"].alarm_name}\")"])
  alarm_actions     = [var.topics[each.value.topic]]
  ok_actions        = [var.topics[each.value.topic]]
}
