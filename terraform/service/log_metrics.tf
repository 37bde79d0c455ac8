# The API writes no metrics of its own: docs/observability.md says why. One of its lines is worth a figure all the same, and a
# filter costs nothing until it matches.

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
