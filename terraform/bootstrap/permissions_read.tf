# The read actions that Terraform needs to compare the root with the account. `cargo xtask terraform prove` records the calls of a plan
# and fails if an action is missing here. Only the parameter is secret. The provider reads it decrypted, so the plan role can read the
# keys. Therefore its GitHub environment needs the same protection as that of production. See docs/ci.md, "Protection against forks".

locals {
  read_actions = {
    acm                     = ["DescribeCertificate", "ListTagsForCertificate"]
    application-autoscaling = ["DescribeScalableTargets", "DescribeScalingPolicies", "ListTagsForResource"]
    budgets                 = ["ListTagsForResource", "ViewBudget"]
    cloudwatch              = ["DescribeAlarms", "GetDashboard", "ListTagsForResource"]
    ec2 = [
      "DescribeAccountAttributes", "DescribeAddresses", "DescribeAvailabilityZones", "DescribeFlowLogs", "DescribeInternetGateways", "DescribeNetworkAcls", "DescribeNetworkInterfaces",
      "DescribePrefixLists", "DescribeRouteTables", "DescribeSecurityGroupRules", "DescribeSecurityGroups", "DescribeSubnets",
      "DescribeVpcAttribute", "DescribeVpcEndpoints", "DescribeVpcs",
    ]
    ecr = ["GetAuthorizationToken"]
    # Service deployments are for the waiter of provider 6, and for the search of the last good images (rollback).
    ecs = [
      "DescribeClusters", "DescribeServiceDeployments", "DescribeServiceRevisions", "DescribeServices", "DescribeTaskDefinition", "ListClusters",
      "ListServiceDeployments", "ListTagsForResource",
    ]
    elasticloadbalancing = [
      "DescribeCapacityReservation", "DescribeListenerAttributes", "DescribeListenerCertificates", "DescribeListeners",
      "DescribeLoadBalancerAttributes", "DescribeLoadBalancers", "DescribeRules", "DescribeTags", "DescribeTargetGroupAttributes",
      "DescribeTargetGroups", "DescribeTargetHealth", "GetLoadBalancerWebACL",
    ]
    events  = ["DescribeRule", "ListRules", "ListTagsForResource", "ListTargetsByRule"]
    iam     = ["GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListInstanceProfilesForRole", "ListRolePolicies"]
    kms     = ["DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListAliases", "ListResourceTags"]
    logs    = ["DescribeLogGroups", "DescribeMetricFilters", "DescribeQueryDefinitions", "DescribeResourcePolicies", "ListTagsForResource"]
    route53 = ["GetChange", "GetHealthCheck", "GetHostedZone", "ListResourceRecordSets", "ListTagsForResource"]
    s3 = [
      "GetAccelerateConfiguration", "GetBucketAcl", "GetBucketCORS", "GetBucketLogging", "GetBucketObjectLockConfiguration",
      "GetBucketOwnershipControls", "GetBucketPolicy", "GetBucketPublicAccessBlock", "GetBucketRequestPayment", "GetBucketTagging",
      "GetBucketVersioning", "GetBucketWebsite", "GetEncryptionConfiguration", "GetLifecycleConfiguration", "GetReplicationConfiguration",
      "ListTagsForResource",
    ]
    sns   = ["GetSubscriptionAttributes", "GetTopicAttributes", "ListTagsForResource"]
    sqs   = ["GetQueueAttributes", "ListQueueTags"]
    ssm   = ["DescribeParameters", "ListTagsForResource"]
    sts   = ["GetCallerIdentity"]
    wafv2 = ["GetIPSet", "GetLoggingConfiguration", "GetWebACL", "GetWebACLForResource", "ListTagsForResource"]
  }
}

resource "aws_iam_policy" "read" {
  # checkov:skip=CKV_AWS_355: most of these actions have no resource type, and none returns a key or data of callers.
  name        = "${var.name}-read"
  description = "What terraform plan reads."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Describe"
        Effect   = "Allow"
        Action   = flatten([for service, names in local.read_actions : [for name in names : "${service}:${name}"]])
        Resource = "*"
      },
      {
        # The plan and the apply verify who built the images. The registry stores the signatures with the images.
        Sid      = "VerifyImages"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:DescribeImageScanFindings", "ecr:GetDownloadUrlForLayer"]
        Resource = [for repository in aws_ecr_repository.this : repository.arn]
      },
    ]
  })
}

# The read actions for one environment: its log bucket, and its parameters, because the provider reads them decrypted.
resource "aws_iam_policy" "read_environment" {
  for_each = toset(var.environments)

  name        = "${var.name}-read-${each.key}"
  description = "What terraform plan reads of ${each.key} alone."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LogBuckets"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = "arn:${local.partition}:s3:::${var.name}-${each.key}-logs-${local.account}-${var.region}"
      },
      {
        Sid      = "ReadParameterBack"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = [for name in local.service_names : "arn:${local.partition}:ssm:${local.here}:parameter/${name}/${each.key}/*"]
      },
      {
        Sid      = "DecryptParameter"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = "arn:${local.partition}:kms:${local.here}:key/*"
        Condition = {
          StringEquals = { "kms:ViaService" = "ssm.${var.region}.amazonaws.com" }
          StringLike   = { "kms:EncryptionContext:PARAMETER_ARN" = [for name in local.service_names : "arn:${local.partition}:ssm:${local.here}:parameter/${name}/${each.key}/*"] }
        }
      },
    ]
  })
}
