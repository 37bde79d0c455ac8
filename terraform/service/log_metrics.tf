# The API writes no metrics: docs/observability.md gives the reasons. This filter counts one of its log lines. A filter costs nothing
# until it matches.

resource "aws_cloudwatch_log_metric_filter" "ssm_away" {
  name           = "${local.id}-ssm-away"
  log_group_name = aws_cloudwatch_log_group.service.name
  pattern        = "{ $.message = \"SSM is away\" }"

  metric_transformation {
    namespace = local.metrics_namespace
    name      = "SsmAway"
    value     = "1"
    unit      = "Count"
  }
}
