# The role of the engineer on call. It can read, stop a task, update a service and register a scalable target. It cannot read or change
# keys (permissions_keys.tf), and cannot plan or apply (plan role and apply role). The policy is a managed policy, so a permission set
# can use it instead of the role. terraform/permissions reads the commands of docs/runbook.md. It fails if the role lacks a right for
# one of them.

locals {
  on_call_look = {
    acm                     = ["DescribeCertificate", "ListCertificates"]
    application-autoscaling = ["DescribeScalableTargets", "DescribeScalingActivities", "DescribeScalingPolicies"]
    budgets                 = ["ViewBudget"]
    ce                      = ["GetCostAndUsage"]
    cloudtrail              = ["LookupEvents"]
    cloudwatch              = ["DescribeAlarmHistory", "DescribeAlarms", "GetDashboard", "GetMetricData", "GetMetricStatistics", "ListDashboards", "ListMetrics"]
    ec2                     = ["DescribeNetworkInterfaces", "DescribeSecurityGroupRules", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcEndpoints"]
    ecr                     = ["DescribeImages", "DescribeRepositories"]
    ecs = [
      "DescribeClusters", "DescribeServiceDeployments", "DescribeServiceRevisions", "DescribeServices", "DescribeTaskDefinition", "DescribeTasks",
      "ListClusters", "ListServiceDeployments", "ListServices", "ListTaskDefinitions", "ListTasks",
    ]
    elasticloadbalancing = ["DescribeListeners", "DescribeLoadBalancerAttributes", "DescribeLoadBalancers", "DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth"]
    health               = ["DescribeEventDetails", "DescribeEvents"]
    kms                  = ["DescribeKey", "ListAliases"]
    logs                 = ["DescribeLogGroups", "DescribeQueryDefinitions", "GetQueryResults", "StopQuery"]
    route53              = ["GetHealthCheckStatus", "GetHostedZone", "ListHealthChecks", "ListHostedZones", "ListResourceRecordSets"]
    servicequotas        = ["GetServiceQuota", "ListServiceQuotas"]
    sns                  = ["ListSubscriptionsByTopic", "ListTopics"]
    ssm                  = ["DescribeParameters"]
    sts                  = ["GetCallerIdentity"] # AWS always allows it; it is here for the comparison with the runbook
    wafv2                = ["GetIPSet", "GetSampledRequests", "GetWebACL", "GetWebACLForResource", "ListIPSets", "ListWebACLs"]
  }

  on_call_principals = length(var.on_call_principals) > 0 ? var.on_call_principals : [local.account_root]
}

resource "aws_iam_role" "on_call" {
  # checkov:skip=CKV_AWS_61: with the account as principal, its IAM policies decide who can assume the role; on_call_principals restricts this.
  name        = "${var.name}-on-call"
  description = "The engineer on call: reads, stops tasks, updates services and registers scalable targets."

  # Four hours, for an incident. AWS ends a session after one hour if a role assumed this role.
  max_session_duration = 14400

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      # With the account as principal, the IAM policies of the account decide who can assume the role.
      Sid       = "PeopleOnCall"
      Effect    = "Allow"
      Principal = { AWS = local.on_call_principals }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "on_call" {
  role       = aws_iam_role.on_call.name
  policy_arn = aws_iam_policy.on_call.arn
}

resource "aws_iam_policy" "on_call" {
  # checkov:skip=CKV_AWS_355: most actions for descriptions and metrics allow only "*"; log lines and changes are limited to the services' names.
  # checkov:skip=CKV_AWS_290: a CloudShell environment has no name before it exists, and a query of Logs Insights has no name.
  name        = "${var.name}-on-call"
  description = "What the engineer on call may do: the commands of docs/runbook.md."

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
        # Shows whether a state is locked, and since when. The role cannot read the states.
        Sid      = "SeeLocks"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = local.bucket_arn
      },
      {
        # The events that EventBridge could not deliver. SQS encrypts the queue with its own key, so no right on a key is needed.
        Sid      = "ReadUndeliveredEvents"
        Effect   = "Allow"
        Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
        Resource = [for name in local.service_names : "arn:${local.partition}:sqs:${local.here}:${name}-*"]
      },
      {
        # A shell in the console, with the AWS CLI and the rights of this role.
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_cloudshell.html
        Sid    = "CloudShell"
        Effect = "Allow"
        Action = [
          "cloudshell:CreateEnvironment", "cloudshell:CreateSession", "cloudshell:DescribeEnvironments", "cloudshell:GetEnvironmentStatus", "cloudshell:PutCredentials",
          "cloudshell:StartEnvironment",
        ]
        Resource = "*"
      },
      {
        Sid      = "Mitigate"
        Effect   = "Allow"
        Action   = ["ecs:StopTask", "ecs:UpdateService"]
        Resource = [for kind in ["service", "task"] : "arn:${local.partition}:ecs:${local.here}:${kind}/${var.name}-*/*"]
      },
      {
        # Changes the limits of autoscaling, or suspends it. AWS chooses the id of the target.
        Sid       = "Scale"
        Effect    = "Allow"
        Action    = ["application-autoscaling:RegisterScalableTarget"]
        Resource  = "arn:${local.partition}:application-autoscaling:${local.here}:scalable-target/*"
        Condition = { StringEquals = { "application-autoscaling:service-namespace" = "ecs" } }
      },
    ]
  })
}
