# One group for the service, and one stream prefix for each container. So one query finds both log lines of a request.

locals {
  waf_log_group_name = "aws-waf-logs-${local.id}" # WAF accepts only this prefix
  log_group_names    = concat([local.log_group_name], var.enable_waf ? [local.waf_log_group_name] : [])
}

resource "aws_cloudwatch_log_group" "service" {
  # checkov:skip=CKV_AWS_158: encrypted with the environment's key, whose ARN is unknown in a first plan. tests/security.tftest.hcl asserts it.
  name              = local.log_group_name
  retention_in_days = var.environment.log_retention_days
  kms_key_id        = var.kms_key_arn
}
