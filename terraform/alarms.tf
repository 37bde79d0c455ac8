# Causes: each says which part is at fault, and each has something a person can do about it. Only no-healthy-target pages, for
# then nobody is served; the others notify, because what callers feel of them is watched by alarms_slo.tf.
# Every description ends with the runbook's section and its first command. Thresholds are explained there.

locals {
  metrics_namespace = var.name # of the sidecar's log lines, which are metrics too: docs/observability.md

  # Read-only, and complete: names, not ARNs, so that they stand in the plan.
  find_lines = "aws logs filter-log-events --region ${var.region} --log-group-name ${local.log_group_name} --start-time $(date -d -15min +%s)000 --query 'events[].message' --output text"
  first_command = {
    slo-availability     = "${local.find_lines} --filter-pattern '{ $.status >= 500 }'"
    slo-latency          = "${local.find_lines} --filter-pattern '{ $.UpstreamTime > ${local.slo_latency_seconds} }'"
    no-healthy-target    = local.describe_service
    unhealthy-target     = local.describe_service
    elb-5xx              = local.describe_service
    target-5xx           = "${local.find_lines} --filter-pattern '{ $.status >= 500 }'"
    latency-p99          = "${local.find_lines} --filter-pattern '{ $.Latency > ${4 * local.slo_latency_seconds} }'"
    client-throttled     = "${local.find_lines} --filter-pattern '{ $.ClientThrottled = 1 }'"
    unauthorized-burst   = "${local.find_lines} --filter-pattern '{ $.Unauthorized = 1 }'"
    tasks-below-desired  = local.describe_service
    memory-high          = local.describe_service
    certificate-expiring = "aws acm list-certificates --region ${var.region} --query 'CertificateSummaryList[].[DomainName,NotAfter,RenewalEligibility,CertificateArn]' --output table"
    logs-stopped         = "aws logs describe-log-streams --log-group-name ${local.log_group_name} --region ${var.region} --order-by LastEventTime --descending --max-items 6 --query 'logStreams[].[logStreamName,lastIngestionTime]' --output table"
  }
  describe_service = "aws ecs describe-services --cluster ${local.id} --services ${local.id} --region ${var.region} --query 'services[0].[runningCount,desiredCount,deployments[].[status,rolloutState,failedTasks],events[:5].message]'"

  alarm_actions = { for topic in keys(local.topics) : topic => [aws_sns_topic.this[topic].arn] }
  runbook       = { for section, command in local.first_command : section => "Runbook: ${var.runbook_url}#${section} First: ${command}" }
}

# Created after the service is steady. Missing data is bad for this alarm, and the first apply takes minutes to start a task, so an
# alarm that exists earlier would page for a service that has never run.
resource "aws_cloudwatch_metric_alarm" "no_healthy_target" {
  alarm_name          = "${local.id}-no-healthy-target"
  alarm_description   = "No task passes its health check: nobody is served. ${local.runbook["no-healthy-target"]}"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  dimensions          = { LoadBalancer = aws_lb.this.arn_suffix, TargetGroup = aws_lb_target_group.nginx.arn_suffix }
  statistic           = "Maximum" # of the balancer's nodes, which do not always agree
  period              = 60
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "breaching" # the balancer reports it as long as a target is registered
  alarm_actions       = local.alarm_actions["page"]
  ok_actions          = local.alarm_actions["page"]

  depends_on = [aws_ecs_service.this]
}

resource "aws_cloudwatch_metric_alarm" "unhealthy_target" {
  alarm_name          = "${local.id}-unhealthy-target"
  alarm_description   = "A task fails its health check, and ECS has not replaced it. ${local.runbook["unhealthy-target"]}"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "UnHealthyHostCount"
  dimensions          = { LoadBalancer = aws_lb.this.arn_suffix, TargetGroup = aws_lb_target_group.nginx.arn_suffix }
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  evaluation_periods  = 5
  datapoints_to_alarm = 4
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions["notify"]
  ok_actions          = local.alarm_actions["notify"]
}

resource "aws_cloudwatch_metric_alarm" "elb_5xx" {
  alarm_name          = "${local.id}-elb-5xx"
  alarm_description   = "The load balancer answers 5xx itself: no task took the request, or it hung up. ${local.runbook["elb-5xx"]}"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_ELB_5XX_Count"
  dimensions          = { LoadBalancer = aws_lb.this.arn_suffix }
  statistic           = "Sum"
  period              = 60
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 5
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching" # reported only when there are any
  alarm_actions       = local.alarm_actions["notify"]
  ok_actions          = local.alarm_actions["notify"]
}

# Rolls a deployment back. 4xx stand on neither side, so a client without a key never does.
resource "aws_cloudwatch_metric_alarm" "target_5xx" {
  alarm_name          = "${local.id}-target-5xx"
  alarm_description   = "Tasks answer 5xx to more than 5 % of what they should have served. ${local.runbook["target-5xx"]}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions["notify"]
  ok_actions          = local.alarm_actions["notify"]

  metric_query {
    id          = "share"
    label       = "5xx, percent of 2xx and 5xx"
    return_data = true
    expression  = "IF(good + bad >= 20, 100 * bad / (good + bad), 0)"
  }

  metric_query {
    id = "good"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_Target_2XX_Count"
      dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
      period      = 60
      stat        = "Sum"
    }
  }

  metric_query {
    id = "bad"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "HTTPCode_Target_5XX_Count"
      dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
      period      = 60
      stat        = "Sum"
    }
  }
}

# Rolls a deployment back. Math instead of evaluate_low_sample_count_percentiles, which would want a thousand requests a minute.
resource "aws_cloudwatch_metric_alarm" "latency_p99" {
  alarm_name          = "${local.id}-latency-p99"
  alarm_description   = "One request in a hundred takes longer than ${4 * var.slo_latency.milliseconds} ms. ${local.runbook["latency-p99"]}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 4 * local.slo_latency_seconds
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions["notify"]
  ok_actions          = local.alarm_actions["notify"]

  metric_query {
    id          = "slow"
    label       = "p99, seconds"
    return_data = true
    expression  = "IF(requests >= 50, p99, 0)"
  }

  metric_query {
    id = "p99"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "TargetResponseTime"
      dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
      period      = 60
      stat        = "p99"
    }
  }

  metric_query {
    id = "requests"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "TargetResponseTime"
      dimensions  = { LoadBalancer = aws_lb.this.arn_suffix }
      period      = 60
      stat        = "SampleCount"
    }
  }
}
