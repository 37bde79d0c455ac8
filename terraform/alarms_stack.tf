# What the stack itself lacks: tasks, memory, a certificate, its logs.

resource "aws_cloudwatch_metric_alarm" "tasks_below_desired" {
  alarm_name          = "${local.id}-tasks-below-desired"
  alarm_description   = "For ten minutes fewer tasks run than should: ECS cannot start or keep one. ${local.runbook["tasks-below-desired"]}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 10
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions["notify"]
  ok_actions          = local.alarm_actions["notify"]

  metric_query {
    id          = "lacking"
    label       = "tasks that should run and do not"
    return_data = true
    expression  = "desired - running"
  }

  metric_query {
    id = "desired"

    metric {
      namespace   = "ECS/ContainerInsights"
      metric_name = "DesiredTaskCount"
      dimensions  = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this.name }
      period      = 60
      stat        = "Minimum"
    }
  }

  metric_query {
    id = "running"

    metric {
      namespace   = "ECS/ContainerInsights"
      metric_name = "RunningTaskCount"
      dimensions  = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this.name }
      period      = 60
      stat        = "Maximum"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "memory_high" {
  alarm_name          = "${local.id}-memory-high"
  alarm_description   = "A task uses 85 % of its memory; at 100 % the kernel kills it. ${local.runbook["memory-high"]}"
  namespace           = "AWS/ECS"
  metric_name         = "MemoryUtilization"
  dimensions          = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this.name }
  statistic           = "Maximum" # the fullest task
  period              = 60
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 85
  evaluation_periods  = 5
  treat_missing_data  = "missing" # no task, no figure: no-healthy-target says so
  alarm_actions       = local.alarm_actions["notify"]
  ok_actions          = local.alarm_actions["notify"]
}

resource "aws_cloudwatch_metric_alarm" "certificate_expiring" {
  count = local.https ? 1 : 0

  alarm_name          = "${local.id}-certificate-expiring"
  alarm_description   = "The certificate ends in three weeks; ACM should have renewed it weeks ago. ${local.runbook["certificate-expiring"]}"
  namespace           = "AWS/CertificateManager"
  metric_name         = "DaysToExpiry"
  dimensions          = { CertificateArn = local.certificate_arn }
  statistic           = "Minimum"
  period              = 86400 # published twice a day
  comparison_operator = "LessThanOrEqualToThreshold"
  # ACM renews a certificate of 198 days about 45 days before its end, one of 395 days 60 days before. Three weeks are late for
  # either, and leave time to repair the validation record.
  threshold          = 21
  evaluation_periods = 1
  treat_missing_data = "ignore" # it ends with the certificate; the alarm must not
  alarm_actions      = local.alarm_actions["notify"]
  ok_actions         = local.alarm_actions["notify"]
}

locals {
  # One metric for each route of the contract. An id has letters, digits and underscores only.
  logged_ids = [for path in local.public_paths : "logged_${replace(split(".", trimprefix(path, "/"))[0], "/[^A-Za-z0-9]+/", "_")}"]
}

# The sidecar logs every request that came through the load balancer. When the balancer counts some and the log none, the
# metrics made of the log are blind too, and every alarm in alarms_callers.tf with them.
resource "aws_cloudwatch_metric_alarm" "logs_stopped" {
  alarm_name          = "${local.id}-logs-stopped"
  alarm_description   = "Tasks answer requests, and fewer than half of them reach the log: the metrics made of it are blind. ${local.runbook["logs-stopped"]}"
  comparison_operator = "LessThanThreshold"
  threshold           = 50
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions["notify"]
  ok_actions          = local.alarm_actions["notify"]

  metric_query {
    id          = "share"
    label       = "answers that were logged, percent"
    return_data = true
    expression  = "IF(answered >= 50, 100 * (${join(" + ", local.logged_ids)}) / answered, 100)"
  }

  metric_query {
    id = "answered"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "RequestCount"
      dimensions  = { LoadBalancer = aws_lb.this.arn_suffix, TargetGroup = aws_lb_target_group.nginx.arn_suffix }
      period      = 300
      stat        = "Sum"
    }
  }

  dynamic "metric_query" {
    for_each = zipmap(local.logged_ids, local.public_paths)

    content {
      id = metric_query.key

      metric {
        namespace   = local.metrics_namespace
        metric_name = "Requests"
        dimensions  = { service = local.id, route = metric_query.value }
        period      = 300
        stat        = "Sum"
      }
    }
  }
}
