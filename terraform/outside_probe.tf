# Health checks from the internet, for the services that request them. Route 53's checkers resolve the name, connect by TLS and read
# the response. The alarms inside AWS do not detect a name that no longer resolves or a listener that cannot be reached. The checkers
# accept any certificate, also an expired one. The alarm certificate-expiring covers that.
#
# Route 53 reports to CloudWatch only in us-east-1, and an alarm can only use a topic in its own region. So the alarm has its own
# topic if the stack is in another region.

locals {
  probed       = { for folder, service in local.running : service.needs.id => service.probe if service.probe != null }
  probe_region = "us-east-1"
  probe_topic  = var.region == local.probe_region ? aws_sns_topic.this["page"].arn : one(aws_sns_topic.outside[*].arn)
  probe_first = { for id, probe in local.probed : id =>
    "aws route53 get-health-check-status --health-check-id $(aws route53 list-health-checks --query \"HealthChecks[?HealthCheckConfig.FullyQualifiedDomainName=='${probe.host}'].Id\" --output text) --query 'HealthCheckObservations[].[Region,StatusReport.Status]' --output text"
  }
}

resource "aws_route53_health_check" "outside" {
  for_each = local.probed

  type              = "HTTPS"
  fqdn              = each.value.host
  port              = 443
  resource_path     = each.value.path
  enable_sni        = true
  request_interval  = 30
  failure_threshold = 3
  # The minimum number of regions, because the requests of each region count as served requests.
  regions = ["us-east-1", "eu-west-1", "ap-southeast-1"]

  tags = { Name = each.key }
}

resource "aws_cloudwatch_metric_alarm" "outside" {
  provider = aws.us_east_1
  for_each = local.probed

  alarm_name          = "${each.key}-unreachable"
  alarm_description   = "${each.value.host} cannot be reached from the internet: its name, its TLS or the route to it fails. Runbook: ${var.runbook_url}#unreachable First: ${local.probe_first[each.key]}"
  namespace           = "AWS/Route53"
  metric_name         = "HealthCheckStatus"
  dimensions          = { HealthCheckId = aws_route53_health_check.outside[each.key].id }
  statistic           = "Minimum" # 1 is healthy, 0 is not
  period              = 60
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching" # a new check has no data for some minutes
  alarm_actions       = [local.probe_topic]
  ok_actions          = [local.probe_topic]
}

# Not encrypted with the environment's key, because that key is in another region. The message has only an alarm name and a public
# host name.
resource "aws_sns_topic" "outside" {
  # checkov:skip=CKV_AWS_26: the message contains only an alarm name and a public host name.
  provider = aws.us_east_1
  count    = length(local.probed) > 0 && var.region != local.probe_region ? 1 : 0

  name         = "${local.id}-page"
  display_name = "${local.id} page"
}

resource "aws_sns_topic_policy" "outside" {
  provider = aws.us_east_1
  count    = length(aws_sns_topic.outside)

  arn = aws_sns_topic.outside[0].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AlarmsPublish"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.outside[0].arn
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = [for id in keys(local.probed) : "arn:${local.partition}:cloudwatch:${local.probe_region}:${local.account}:alarm:${id}-unreachable"] }
      }
    }]
  })
}

resource "aws_sns_topic_subscription" "outside" {
  provider = aws.us_east_1
  for_each = toset(length(aws_sns_topic.outside) > 0 ? var.alarm_emails.page : [])

  topic_arn = aws_sns_topic.outside[0].arn
  protocol  = "email"
  endpoint  = each.key
}
