# All metric alarms, as rows of one table: causes here, callers in alarms_callers.tf, objectives in alarms_slo.tf.
#
# A cause alarm names the part that fails, and a person can repair it. Only no-healthy-target pages, because without a healthy task
# all requests fail. The other cause alarms notify: if a cause affects callers, the alarms of the objectives page. Every description
# ends with the runbook's section and its first command. docs/observability.md explains the thresholds.

locals {
  metrics_namespace = local.name # of the metrics in the sidecar's log lines: docs/observability.md

  dimensions = {
    balancer = { LoadBalancer = aws_lb.this.arn_suffix }
    target   = { LoadBalancer = aws_lb.this.arn_suffix, TargetGroup = aws_lb_target_group.nginx.arn_suffix }
    ecs      = { ClusterName = var.cluster.name, ServiceName = local.id }
    queue    = { QueueName = aws_sqs_queue.undelivered_events.name }
    waf      = { Region = local.region, WebACL = local.waf_metric.all }
    # The sidecar's log lines, for all routes together.
    service = { service = local.id }
  }

  # Complete, read-only commands for any shell of Linux or macOS. They print a few lines. They use names instead of ARNs, because the
  # plan shows names.
  find_lines       = "aws logs filter-log-events --region ${local.region} --log-group-name ${local.log_group_name} --start-time $(($(date +%s) - 900))000 --query 'events[].[message]' --output text --filter-pattern"
  describe_service = "aws ecs describe-services --region ${local.region} --cluster ${var.cluster.name} --services ${local.id} --query 'services[0].[[[runningCount,desiredCount]],deployments[].[status,rolloutState,failedTasks,createdAt],events[:3].[message]][]' --output text"
  first_command = {
    slo-availability     = "${local.find_lines} '{ $.status >= 500 }' | tail -3"
    slo-latency          = "${local.find_lines} '{ $.UpstreamTime > ${local.latency.seconds} }' | tail -3"
    no-healthy-target    = local.describe_service
    unhealthy-target     = local.describe_service
    elb-5xx              = local.describe_service
    target-5xx           = "${local.find_lines} '{ $.status >= 500 }' | tail -3"
    latency-p99          = "${local.find_lines} '{ $.Latency > ${4 * local.latency.seconds} }' | tail -3"
    client-throttled     = "${local.find_lines} '{ $.ClientThrottled = 1 }' | tail -3"
    unauthorized-burst   = "${local.find_lines} '{ $.Unauthorized = 1 }' | tail -3"
    tasks-below-desired  = local.describe_service
    memory-high          = local.describe_service
    certificate-expiring = "aws acm list-certificates --region ${local.region} --query 'CertificateSummaryList[].[DomainName,NotAfter,RenewalEligibility,CertificateArn]' --output table"
    events-undelivered   = "aws sqs get-queue-attributes --region ${local.region} --queue-url $(aws sqs get-queue-url --region ${local.region} --queue-name ${aws_sqs_queue.undelivered_events.name} --output text) --attribute-names ApproximateNumberOfMessages LastModifiedTimestamp"
    waf-blocked          = "aws logs filter-log-events --region ${local.region} --log-group-name ${local.waf_log_group_name} --start-time $(($(date +%s)-900))000 --filter-pattern '{ $.action = \"BLOCK\" }' --output json | jq -r '.events[].message|fromjson|[.terminatingRuleId,(.ruleGroupList[]?.terminatingRule.ruleId//empty),.httpRequest.clientIp,.httpRequest.uri]|@tsv' | sort | uniq -c | sort -rn | head"
    logs-stopped         = "aws logs describe-log-streams --region ${local.region} --log-group-name ${local.log_group_name} --order-by LastEventTime --descending --max-items 6 --query 'logStreams[].[logStreamName,lastIngestionTime]' --output table"
  }
  runbook = { for section, command in local.first_command : section => "Runbook: ${var.environment.runbook_url}#${section} First: ${command}" }

  # Defaults of a row: it compares with "greater than", notifies the topic `notify`, and treats missing data as good.
  alarm_defaults = {
    comparison         = "GreaterThanThreshold"
    datapoints         = null
    topic              = "notify"
    treat_missing_data = "notBreaching"
    # Either one metric with a statistic, or an expression over several metrics. `period` is in seconds.
    metric     = null
    statistic  = null
    id         = null
    label      = null
    expression = null
    metrics    = {}
  }

  rollback_alarms = ["target-5xx", "latency-p99"]

  cause_alarms = {
    unhealthy-target = {
      says       = "A task fails its health check, and ECS has not replaced it."
      comparison = "GreaterThanOrEqualToThreshold", threshold = 1, periods = 5, datapoints = 4, period = 60
      metric     = ["AWS/ApplicationELB", "UnHealthyHostCount", local.dimensions.target], statistic = "Maximum"
    }
    elb-5xx = {
      says       = "The load balancer itself returns 5xx: no task accepted the request, or the task closed the connection."
      comparison = "GreaterThanOrEqualToThreshold", threshold = 5, periods = 3, datapoints = 2, period = 60
      metric     = ["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", local.dimensions.balancer], statistic = "Sum" # reported only when there are any
    }
    # Rolls a deployment back. 4xx count neither as good nor as bad, so a client without a key cannot cause a rollback.
    target-5xx = {
      says      = "Tasks answer more than 5 % of the requests (2xx and 5xx) with 5xx."
      threshold = 5, periods = 5, datapoints = 3, period = 60
      id        = "share", label = "5xx, percent of 2xx and 5xx", expression = "IF(good + bad >= 20, 100 * bad / (good + bad), 0)"
      metrics = {
        good = ["AWS/ApplicationELB", "HTTPCode_Target_2XX_Count", local.dimensions.balancer, "Sum"]
        bad  = ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", local.dimensions.balancer, "Sum"]
      }
    }
    # Rolls a deployment back. An expression, because evaluate_low_sample_count_percentiles needs a thousand requests per minute.
    latency-p99 = {
      says      = "One percent of the requests take longer than ${4 * local.latency.milliseconds} ms."
      threshold = 4 * local.latency.seconds, periods = 5, datapoints = 3, period = 60
      id        = "slow", label = "p99, seconds", expression = "IF(requests >= 50, p99, 0)"
      metrics = {
        p99      = ["AWS/ApplicationELB", "TargetResponseTime", local.dimensions.balancer, "p99"]
        requests = ["AWS/ApplicationELB", "TargetResponseTime", local.dimensions.balancer, "SampleCount"]
      }
    }
    tasks-below-desired = {
      says      = "For ten minutes, fewer tasks run than desired: ECS cannot start a task, or tasks stop."
      threshold = 0, periods = 10, period = 60
      id        = "lacking", label = "tasks that should run and do not", expression = "desired - running"
      metrics = {
        desired = ["ECS/ContainerInsights", "DesiredTaskCount", local.dimensions.ecs, "Minimum"]
        running = ["ECS/ContainerInsights", "RunningTaskCount", local.dimensions.ecs, "Maximum"]
      }
    }
    memory-high = {
      says               = "A task uses at least 85 % of its memory. At 100 %, the kernel kills it."
      comparison         = "GreaterThanOrEqualToThreshold", threshold = 85, periods = 5, period = 60
      metric             = ["AWS/ECS", "MemoryUtilization", local.dimensions.ecs], statistic = "Maximum" # the task with the highest use
      treat_missing_data = "missing"                                                                     # without a task there is no data; no-healthy-target fires then
    }
    # The sidecar logs every request from the load balancer. If the log lines are missing, the metrics from the log are missing too.
    # Then no alarm in alarms_callers.tf can fire.
    logs-stopped = {
      says       = "Tasks answer requests, but less than half of the log lines arrive. The metrics from the log are too low."
      comparison = "LessThanThreshold", threshold = 50, periods = 3, period = 300
      id         = "share", label = "answers that were logged, percent", expression = "IF(answered >= 50, 100 * logged / answered, 100)"
      metrics = {
        answered = ["AWS/ApplicationELB", "RequestCount", local.dimensions.target, "Sum"]
        logged   = [local.metrics_namespace, "Requests", local.dimensions.service, "Sum"]
      }
    }
  }

  event_alarms = {
    # The queue should be empty, so one event is enough. An idle, empty queue reports no data.
    events-undelivered = {
      says       = "EventBridge could not deliver an ECS event to the topic. Nobody was notified of a failed deployment or a stopped task."
      comparison = "GreaterThanOrEqualToThreshold", threshold = 1, periods = 1, period = 300
      metric     = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", local.dimensions.queue], statistic = "Maximum"
    }
  }

  certificate_alarms = { for name, alarm in {
    certificate-expiring = {
      says = "The certificate expires in three weeks or less. ACM should have renewed it weeks ago."
      # ACM renews a certificate of 198 days about 45 days before its end, and one of 395 days 60 days before. At three weeks, both
      # renewals are late, and there is time to repair the validation record.
      comparison         = "LessThanOrEqualToThreshold", threshold = 21, periods = 1, period = 86400 # published twice a day
      metric             = ["AWS/CertificateManager", "DaysToExpiry", { CertificateArn = local.certificate_arn }], statistic = "Minimum"
      treat_missing_data = "ignore" # no data after the certificate expired; the alarm must stay in ALARM
    }
  } : name => alarm if local.https }

  alarms = { for name, alarm in merge(local.cause_alarms, local.event_alarms, local.certificate_alarms, local.caller_alarms, local.waf_alarms, local.slo_alarms) :
    name => merge(local.alarm_defaults, { description = try("${alarm.says} ${local.runbook[name]}", null) }, alarm)
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = { for name, alarm in local.alarms : name => alarm if !contains(local.rollback_alarms, name) }

  alarm_name          = "${local.id}-${each.key}"
  alarm_description   = each.value.description
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.datapoints
  treat_missing_data  = each.value.treat_missing_data
  alarm_actions       = each.value.topic == null ? null : [var.topics[each.value.topic]]
  ok_actions          = each.value.topic == null ? null : [var.topics[each.value.topic]]

  namespace   = try(each.value.metric[0], null)
  metric_name = try(each.value.metric[1], null)
  dimensions  = try(each.value.metric[2], null)
  statistic   = each.value.statistic
  period      = each.value.metric == null ? null : each.value.period

  dynamic "metric_query" {
    for_each = each.value.expression == null ? [] : [each.value]

    content {
      id          = metric_query.value.id
      label       = metric_query.value.label
      expression  = metric_query.value.expression
      return_data = true
    }
  }

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value[0]
        metric_name = metric_query.value[1]
        dimensions  = metric_query.value[2]
        stat        = metric_query.value[3]
        period      = each.value.period
      }
    }
  }
}

# The alarms that roll a deployment back. A caller cannot cause them. The service waits for them. They are a separate resource,
# because a rollback plans the service together with its dependencies. Then changes of other alarms are not in that plan.
resource "aws_cloudwatch_metric_alarm" "rollback" {
  for_each = { for name in local.rollback_alarms : name => local.alarms[name] }

  alarm_name          = "${local.id}-${each.key}"
  alarm_description   = each.value.description
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.datapoints
  treat_missing_data  = each.value.treat_missing_data
  alarm_actions       = [var.topics[each.value.topic]]
  ok_actions          = [var.topics[each.value.topic]]

  metric_query {
    id          = each.value.id
    label       = each.value.label
    expression  = each.value.expression
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value[0]
        metric_name = metric_query.value[1]
        dimensions  = metric_query.value[2]
        stat        = metric_query.value[3]
        period      = each.value.period
      }
    }
  }
}

# A separate resource, because it is created after the service is steady. Missing data is bad for this alarm, and the first apply
# needs minutes to start a task. An earlier alarm would page before the service has run.
resource "aws_cloudwatch_metric_alarm" "no_healthy_target" {
  alarm_name          = "${local.id}-no-healthy-target"
  alarm_description   = "No task passes its health check, so all requests fail. ${local.runbook["no-healthy-target"]}"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  dimensions          = local.dimensions.target
  statistic           = "Maximum" # of the nodes of the load balancer, whose values can differ
  period              = 60
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "breaching" # the load balancer reports data while a target is registered
  alarm_actions       = [var.topics["page"]]
  ok_actions          = [var.topics["page"]]

  depends_on = [aws_ecs_service.this]
}
