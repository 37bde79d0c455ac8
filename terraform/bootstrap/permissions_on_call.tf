# One policy with the rights that the runbook's commands and `ops key` need. It is attached to nobody: attach it to the role or permission set of
# the people on call. terraform/permissions reads the commands from docs/runbook.md and fails when a right is missing here.
# `terraform plan` and `apply` need the plan role and the apply role instead.

locals {
  on_call_look = {
    acm                     = ["DescribeCertificate", "ListCertificates"]
    application-autoscaling = ["DescribeScalableTargets", "DescribeScalingActivities", "DescribeScalingPolicies"]
    cloudwatch              = ["DescribeAlarmHistory", "DescribeAlarms", "GetDashboard", "GetMetricData", "GetMetricStatistics", "ListDashboards", "ListMetrics"]
    ecr                     = ["DescribeImages"]
    ecs = [
      "DescribeClusters", "DescribeServiceDeployments", "DescribeServiceRevisions", "DescribeServices", "DescribeTaskDefinition", "DescribeTasks",
      "ListServiceDeployments", "ListTaskDefinitions", "ListTasks",
    ]
    elasticloadbalancing = ["DescribeListeners", "DescribeLoadBalancers", "DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth"]
    logs                 = ["DescribeLogGroups", "DescribeQueryDefinitions", "GetQueryResults", "StopQuery"]
    route53              = ["GetHealthCheckStatus", "ListHealthChecks"]
    ssm                  = ["DescribeParameters"]
    wafv2                = ["GetSampledRequests", "GetWebACL", "ListWebACLs"]
  }
}

resource "aws_iam_policy" "on_call" {
  # checkov:skip=CKV_AWS_355: descriptions and figures, most of which AWS knows for "*" only; log lines and changes are held to the services' names.
  name        = "${var.name}-on-call"
  description = "What the commands of docs/runbook.md need."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Look"
        Effect   = "Allow"
        Action   = flatten([for service, names in local.on_call_look : [for name in names : "${service}:${name}"]])
        Resource = "*"
      },
      {
        Sid      = "ReadLogs"
        Effect   = "Allow"
        Action   = ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogRecord", "logs:StartQuery"]
        Resource = flatten([for name in local.service_names : [for group in ["/${name}/*", "aws-waf-logs-${name}-*"] : "arn:${local.partition}:logs:${local.here}:log-group:${group}"]])
      },
      {
        Sid      = "ReadLogBucket"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:ListBucket"]
        Resource = [for suffix in ["", "/*"] : "arn:${local.partition}:s3:::${var.name}-*-logs-${local.account}-*${suffix}"]
      },
      {
        # `ops key`: reads the list of keys and writes it. The history says when it changed, and by whom.
        Sid      = "Keys"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter", "ssm:GetParameterHistory", "ssm:PutParameter"]
        Resource = [for name in local.service_names : "arn:${local.partition}:ssm:${local.here}:parameter/${name}/*"]
      },
      {
        Sid      = "DecryptAndEncryptKeys"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
        Resource = "arn:${local.partition}:kms:${local.here}:key/*"
        Condition = {
          StringEquals = { "kms:ViaService" = "ssm.${var.region}.amazonaws.com" }
          StringLike   = { "kms:EncryptionContext:PARAMETER_ARN" = [for name in local.service_names : "arn:${local.partition}:ssm:${local.here}:parameter/${name}/*"] }
        }
      },
      {
        # What EventBridge could not deliver. The queue is encrypted by SQS itself, so no key is needed.
        Sid      = "UndeliveredEvents"
        Effect   = "Allow"
        Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:PurgeQueue", "sqs:ReceiveMessage"]
        Resource = [for name in local.service_names : "arn:${local.partition}:sqs:${local.here}:${name}-*"]
      },
      {
        Sid      = "Mitigate"
        Effect   = "Allow"
        Action   = ["ecs:StopServiceDeployment", "ecs:StopTask", "ecs:UpdateService"]
        Resource = [for kind in ["service", "service-deployment", "task"] : "arn:${local.partition}:ecs:${local.here}:${kind}/${var.name}-*/*"]
      },
      {
        # Suspends scaling. The target's id is AWS's own.
        Sid       = "SuspendScaling"
        Effect    = "Allow"
        Action    = ["application-autoscaling:RegisterScalableTarget"]
        Resource  = "arn:${local.partition}:application-autoscaling:${local.here}:scalable-target/*"
        Condition = { StringEquals = { "application-autoscaling:service-namespace" = "ecs" } }
      },
    ]
  })
}
