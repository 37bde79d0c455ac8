# The dashboard, from top to bottom: objectives, responses to callers, causes of failures, load, changes.
# docs/dashboard/draw.py draws docs/dashboard.png from this JSON.

locals {
  dashboard_alb     = ["LoadBalancer", aws_lb.this.arn_suffix]
  dashboard_targets = ["TargetGroup", aws_lb_target_group.nginx.arn_suffix, "LoadBalancer", aws_lb.this.arn_suffix]
  dashboard_ecs     = ["ClusterName", var.cluster.name, "ServiceName", local.id]
  dashboard_log     = ["service", local.id]

  # A colour has the same meaning in all widgets.
  colour = { good = "#2ca02c", caller = "#7f7f7f", limit = "#ff7f0e", sidecar = "#9467bd", api = "#d62728", balancer = "#8c564b", calm = "#1f77b4" }

  # Hidden metrics, good and bad as in alarms_slo.tf. The widgets show expressions over them.
  dashboard_good_bad = [
    concat(["AWS/ApplicationELB", "HTTPCode_Target_2XX_Count"], local.dashboard_alb, [{ id = "good", stat = "Sum", visible = false }]),
    concat(["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"], local.dashboard_alb, [{ id = "bad_task", stat = "Sum", visible = false }]),
    concat(["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count"], local.dashboard_alb, [{ id = "bad_balancer", stat = "Sum", visible = false }]),
  ]
  dashboard_in_time = concat([local.metrics_namespace, "UpstreamTime"], local.dashboard_log, [{ id = "in_time", stat = "PR(:${local.latency.seconds})", visible = false }])

  alarm_arn_prefix = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm"
  # The alarms that send messages, objectives first.
  dashboard_alarms = concat(
    flatten([for objective in ["slo-availability", "slo-latency"] : [for tier in keys(local.slo_tiers) : [
      for name, alarm in aws_cloudwatch_composite_alarm.slo : alarm.alarm_name if startswith(name, objective) && endswith(name, "-${tier}")
    ]]]),
    [aws_cloudwatch_metric_alarm.no_healthy_target.alarm_name],
    [for name, alarm in merge(aws_cloudwatch_metric_alarm.this, aws_cloudwatch_metric_alarm.rollback) : alarm.alarm_name if local.alarms[name].topic != null],
  )

  dashboard_rows = [
    {
      height = 2
      widgets = [
        { width = 24, type = "text", properties = { markdown = "**${local.id}** promises ${local.availability.target} % of requests served and ${local.latency.target} % of answers within ${local.latency.milliseconds} ms. [Runbook](${var.environment.runbook_url}). Red: the API. Purple: the sidecar. Brown: the load balancer. Grey and orange: what callers got wrong, or too often." } },
      ]
    },
    {
      height = 5
      widgets = [
        { width = 5, type = "metric", properties = {
          title   = "Availability: budget left, ${local.window_days} days", view = "gauge", start = "-P${local.window_days}D", setPeriodToTimeRange = true
          metrics = concat(local.dashboard_good_bad, [[{ id = "left", label = "left, %", expression = "100 * (1 - (bad_task + bad_balancer) / (good + bad_task + bad_balancer) / ${local.availability.budget})", color = local.colour.good }]])
          yAxis   = { left = { min = 0, max = 100 } }
        } },
        { width = 5, type = "metric", properties = {
          title   = "Latency: budget left, ${local.window_days} days", view = "gauge", start = "-P${local.window_days}D", setPeriodToTimeRange = true
          metrics = [local.dashboard_in_time, [{ id = "left", label = "left, %", expression = "100 * (1 - (100 - in_time) / 100 / ${local.latency.budget})", color = local.colour.good }]]
          yAxis   = { left = { min = 0, max = 100 } }
        } },
        { width = 14, type = "metric", properties = {
          title = "Budget burn, times the promised rate (one hour)", view = "timeSeries", period = 3600
          metrics = concat(local.dashboard_good_bad, [
            local.dashboard_in_time,
            [{ id = "burn", label = "availability", expression = "(bad_task + bad_balancer) / (good + bad_task + bad_balancer) / ${local.availability.budget}", color = local.colour.api }],
            [{ id = "slow", label = "latency", expression = "(100 - in_time) / 100 / ${local.latency.budget}", color = local.colour.calm }],
          ])
          annotations = { horizontal = [for tier, t in local.slo_tiers : { label = tier, value = t.factor }] }
          yAxis       = { left = { min = 0 } }
        } },
      ]
    },
    {
      height = 3
      widgets = [
        { width = 24, type = "alarm", properties = { title = "Alarms", alarms = concat(
          [for name in local.dashboard_alarms : "${local.alarm_arn_prefix}:${name}"],
          # The environment creates this alarm, in the region of the Route 53 metrics.
          [for name in ["${local.id}-unreachable"] : "arn:${local.partition}:cloudwatch:us-east-1:${local.account}:alarm:${name}" if var.outside_probe],
        ) } },
      ]
    },
    {
      height = 6
      widgets = [
        { width = 8, type = "metric", properties = {
          title = "What callers get, requests a minute", view = "timeSeries", stacked = true, stat = "Sum", period = 60
          metrics = [
            concat([local.metrics_namespace, "Served"], local.dashboard_log, [{ label = "served", color = local.colour.good }]),
            concat([local.metrics_namespace, "Refused"], local.dashboard_log, [{ label = "wrong request", color = local.colour.caller }]),
            concat([local.metrics_namespace, "Unauthorized"], local.dashboard_log, [{ label = "no valid key", color = "#c7c7c7" }]),
            concat([local.metrics_namespace, "ClientThrottled"], local.dashboard_log, [{ label = "client over its limit", color = local.colour.limit }]),
            concat([local.metrics_namespace, "AddressThrottled"], local.dashboard_log, [{ label = "no key, over the limit", color = "#ffbb78" }]),
          ]
        } },
        { width = 8, type = "metric", properties = {
          title = "5xx by who answered, a minute", view = "timeSeries", stacked = true, stat = "Sum", period = 60
          metrics = [
            concat([local.metrics_namespace, "ApiErrors"], local.dashboard_log, [{ label = "API", color = local.colour.api }]),
            concat([local.metrics_namespace, "SidecarErrors"], local.dashboard_log, [{ label = "sidecar", color = local.colour.sidecar }]),
            concat(["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count"], local.dashboard_alb, [{ label = "load balancer", color = local.colour.balancer }]),
          ]
          yAxis = { left = { min = 0 } }
        } },
        { width = 8, type = "metric", properties = {
          title = "Latency, seconds", view = "timeSeries", period = 60
          metrics = [
            concat(["AWS/ApplicationELB", "TargetResponseTime"], local.dashboard_alb, [{ stat = "p99", label = "p99 at the balancer", color = local.colour.balancer }]),
            concat([local.metrics_namespace, "UpstreamTime"], local.dashboard_log, [{ stat = "p99", label = "p99 of the API", color = local.colour.api }]),
            concat([local.metrics_namespace, "UpstreamTime"], local.dashboard_log, [{ stat = "p50", label = "p50 of the API", color = local.colour.calm }]),
          ]
          annotations = { horizontal = [{ label = "promised", value = local.latency.seconds }] }
          yAxis       = { left = { min = 0 } }
        } },
      ]
    },
    {
      height = 5
      widgets = [
        { width = 12, type = "log", properties = { title = "Limits by client", view = "table", query = "SOURCE '${local.log_group_name}' | ${replace(trimspace(local.queries["throttled-clients"]), "\n", " ")}" } },
        { width = 12, type = "log", properties = { title = "Callers without a valid key", view = "table", query = "SOURCE '${local.log_group_name}' | ${replace(trimspace(local.queries["callers-without-key"]), "\n", " ")}" } },
      ]
    },
    {
      height = 6
      widgets = [
        { width = 6, type = "metric", properties = {
          title = "CPU and memory of the fullest task, %", view = "timeSeries", stat = "Maximum", period = 60
          metrics = [
            concat(["AWS/ECS", "CPUUtilization"], local.dashboard_ecs, [{ label = "CPU", color = local.colour.calm }]),
            concat(["AWS/ECS", "MemoryUtilization"], local.dashboard_ecs, [{ label = "memory", color = local.colour.limit }]),
          ]
          annotations = { horizontal = [{ label = "memory-high", value = 85 }] }
          yAxis       = { left = { min = 0, max = 100 } }
        } },
        { width = 6, type = "metric", properties = {
          title       = "Requests a minute for each task", view = "timeSeries", stat = "Sum", period = 60
          metrics     = [concat(["AWS/ApplicationELB", "RequestCountPerTarget"], local.dashboard_targets, [{ label = "requests", color = local.colour.calm }])]
          annotations = { horizontal = [{ label = "one more task", value = var.scaling.requests_per_target }] }
          yAxis       = { left = { min = 0 } }
        } },
        { width = 6, type = "metric", properties = {
          title = "Tasks", view = "timeSeries", period = 60
          metrics = [
            concat(["ECS/ContainerInsights", "DesiredTaskCount"], local.dashboard_ecs, [{ stat = "Maximum", label = "wanted", color = local.colour.caller }]),
            concat(["ECS/ContainerInsights", "RunningTaskCount"], local.dashboard_ecs, [{ stat = "Minimum", label = "running", color = local.colour.calm }]),
            concat(["AWS/ApplicationELB", "HealthyHostCount"], local.dashboard_targets, [{ stat = "Minimum", label = "healthy", color = local.colour.good }]),
          ]
          yAxis = { left = { min = 0 } }
        } },
        { width = 6, type = "metric", properties = {
          title = "Deployments under way, and starts without SSM", view = "timeSeries", period = 60
          metrics = [
            concat(["ECS/ContainerInsights", "DeploymentCount"], local.dashboard_ecs, [{ stat = "Maximum", label = "deployments", color = local.colour.calm }]),
            [local.metrics_namespace, "SsmAway", { stat = "Sum", label = "SSM was away", color = local.colour.api }],
          ]
          yAxis = { left = { min = 0 } }
        } },
      ]
    },
  ]

  # Computes the coordinates: rows from the top, widgets from the left.
  dashboard_body = {
    start          = "-PT6H"
    periodOverride = "inherit"
    widgets = flatten([for r, row in local.dashboard_rows : [for w, widget in row.widgets : merge(
      { for name, value in widget : name => value if name != "properties" },
      {
        x          = sum(concat([0], [for before in slice(row.widgets, 0, w) : before.width]))
        y          = sum(concat([0], [for before in slice(local.dashboard_rows, 0, r) : before.height]))
        height     = row.height
        properties = merge(contains(["metric", "log"], widget.type) ? { region = local.region } : {}, widget.properties)
      }
    )]])
  }
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.id
  dashboard_body = jsonencode(local.dashboard_body)
}
