# The objectives of the document, watched by how fast their budget burns: multi-window, multi-burn-rate, after chapter 5 of Google's
# SRE workbook. A burn rate of 1 spends the budget of 30 days in 30 days. A tier goes off when a long window says that it is serious
# and a short one that it is still going on: so it is neither jumpy nor slow to end. Reasons for every figure: docs/observability.md.

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

  # Every objective by the middle of its alarms' names. Budgets are shares, not percent; rounded, because 100 - 99.9 is 0.0999… to a
  # computer and would stand so in the plan.
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

  # Good is 2xx. Bad is a 5xx by a task, by its sidecar or by the load balancer: RequestCount would miss what the balancer refused for
  # want of a task. A 4xx is neither, so a storm of 401 can neither spend the budget nor hide an outage. The load balancer counts for
  # the whole service only; an operation has the sidecar's figures.
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
      description = "Part of ${local.id}-slo-availability${o.suffix}-${w.tier}; sends nothing itself. Runbook: ${var.environment.runbook_url}#slo-availability"
      comparison  = "GreaterThanOrEqualToThreshold", threshold = w.factor, periods = 1, period = w.period, topic = null
      id          = "burn", label = "burn rate", expression = "IF(good + bad_task + bad_balancer >= ${w.requests} AND bad_task + bad_balancer >= ${w.failures}, (bad_task + bad_balancer) / (good + bad_task + bad_balancer) / ${o.availability.budget}, 0)"
      metrics     = local.slo_counts[owner]
    } }],
    # Bad is an answer of the API that took longer than promised. The sidecar's figure, because it exists only where the API answered
    # an operation that counts: a flood of 401, or of probes, cannot make a slow service look fast. What the API never answered is a
    # 5xx, counted above.
    [for owner, o in local.slo : { for window, w in local.slo_windows : "slo-latency${o.suffix}-${window}" => {
      description = "Part of ${local.id}-slo-latency${o.suffix}-${w.tier}; sends nothing itself. Runbook: ${var.environment.runbook_url}#slo-latency"
      comparison  = "GreaterThanOrEqualToThreshold", threshold = w.factor, periods = 1, period = w.period, topic = null
      id          = "burn", label = "burn rate", expression = "IF(answers >= ${w.requests} AND answers * (100 - in_time) / 100 >= ${w.failures}, (100 - in_time) / 100 / ${o.latency.budget}, 0)"
      metrics = {
        in_time = [local.metrics_namespace, "UpstreamTime", o.dimensions, "PR(:${o.latency.milliseconds / 1000})"] # percent of the answers at or below
        answers = [local.metrics_namespace, "UpstreamTime", o.dimensions, "SampleCount"]
      }
    } } if o.latency != null],
  )...)

  # The composites, which tell somebody.
  slo_composites = merge(concat(
    [for owner, o in local.slo : { for tier, t in local.slo_tiers : "slo-availability${o.suffix}-${tier}" => {
      says    = "Requests fail ${t.factor} times as fast as ${o.availability.target} % a month allows.", topic = t.topic
      section = "slo-availability"
    } }],
    [for owner, o in local.slo : { for tier, t in local.slo_tiers : "slo-latency${o.suffix}-${tier}" => {
      says    = "Answers over ${o.latency.milliseconds} ms come ${t.factor} times as often as ${o.latency.target} % in time allows.", topic = t.topic
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
