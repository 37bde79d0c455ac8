# The write actions of an apply. There are several policies, because one has at most 6,144 characters. The first is for all environments.
# Each other policy is for one environment, so that the role of staging cannot change production:
#   network      Actions that AWS cannot limit to a resource before it exists. They are limited to the region if the service has regions.
#   service      Resources with the name of one service and its environment, limited to that name. There is one policy for each service.
#   environment  Shared resources of the environment, limited to its name; the key, limited to its tag; roles, only with the boundary. The
#                roles of the workflows are not included.

locals {
  write_network = {
    acm                     = ["AddTagsToCertificate", "DeleteCertificate", "RemoveTagsFromCertificate", "RequestCertificate"]
    application-autoscaling = ["DeleteScalingPolicy", "DeregisterScalableTarget", "PutScalingPolicy", "RegisterScalableTarget", "TagResource", "UntagResource"]
    ec2 = [
      "AssociateRouteTable", "AttachInternetGateway", "AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateFlowLogs",
      "CreateInternetGateway", "CreateRoute", "CreateRouteTable", "CreateSecurityGroup", "CreateSubnet", "CreateTags", "CreateVpc",
      "CreateVpcEndpoint", "DeleteFlowLogs", "DeleteInternetGateway", "DeleteRoute", "DeleteRouteTable", "DeleteSecurityGroup",
      "DeleteSubnet", "DeleteTags", "DeleteVpc", "DeleteVpcEndpoints", "DetachInternetGateway", "DisassociateRouteTable",
      "ModifySecurityGroupRules", "ModifySubnetAttribute", "ModifyVpcAttribute", "ModifyVpcEndpoint", "ReplaceRoute",
      "RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress",
    ]
    ecs = ["CreateCluster", "DeregisterTaskDefinition"]
    kms = ["CreateKey"]
    # AWS documents DisassociateWebACL for `*`. It also needs elasticloadbalancing:DeleteWebACLAssociation, which the statement below
    # limits to our load balancers.
    wafv2 = ["DisassociateWebACL"]
    # AWS allows only `*` for these. elasticloadbalancing:SetWebACL is the older name of CreateWebACLAssociation.
    cloudwatch           = ["PutCompositeAlarm"]
    elasticloadbalancing = ["SetWebACL"]
    # The delivery of flow logs and of WAF's log needs permissions of CloudWatch Logs for any destination.
    logs = ["CreateLogDelivery", "DeleteLogDelivery", "DeleteQueryDefinition", "GetLogDelivery", "ListLogDeliveries", "PutQueryDefinition", "PutResourcePolicy", "UpdateLogDelivery"]
    sns  = ["SetSubscriptionAttributes", "Unsubscribe"]
  }

  # By the first part of the names of a service's resources in an environment.
  write_services = merge([for environment in var.environments : { for name in local.service_names : "${name}-${environment}" => {
    environment = environment
    rights = {
      cloudwatch = {
        actions   = ["DeleteAlarms", "PutMetricAlarm", "TagResource", "UntagResource"]
        resources = [for region in distinct([var.region, "us-east-1"]) : "arn:${local.partition}:cloudwatch:${region}:${local.account}:alarm:${name}-${environment}-*"]
      }
      cloudwatch-dashboards = {
        actions   = ["DeleteDashboards", "PutDashboard"]
        resources = ["arn:${local.partition}:cloudwatch::${local.account}:dashboard/${name}-${environment}"]
      }
      ecs = {
        actions   = ["CreateService", "DeleteService", "RegisterTaskDefinition", "TagResource", "UntagResource", "UpdateService"]
        resources = [for kind in ["service/${var.name}-${environment}/${name}-${environment}", "task-definition/${name}-${environment}:*"] : "arn:${local.partition}:ecs:${local.here}:${kind}"]
      }
      elasticloadbalancing = {
        actions = [
          "AddTags", "CreateListener", "CreateLoadBalancer", "CreateRule", "CreateTargetGroup", "CreateWebACLAssociation", "DeleteListener", "DeleteLoadBalancer",
          "DeleteRule", "DeleteTargetGroup", "DeleteWebACLAssociation", "ModifyListener", "ModifyListenerAttributes", "ModifyLoadBalancerAttributes", "ModifyRule", "ModifyTargetGroup",
          "ModifyTargetGroupAttributes", "RemoveTags", "SetRulePriorities", "SetSecurityGroups", "SetSubnets",
        ]
        resources = [for kind in ["listener/app", "listener-rule/app", "loadbalancer/app", "targetgroup"] : "arn:${local.partition}:elasticloadbalancing:${local.here}:${kind}/${name}-${environment}/*"]
      }
      events = {
        actions   = ["DeleteRule", "PutRule", "PutTargets", "RemoveTargets", "TagResource", "UntagResource"]
        resources = ["arn:${local.partition}:events:${local.here}:rule/${name}-${environment}-*"]
      }
      logs = {
        actions   = ["AssociateKmsKey", "CreateLogGroup", "DeleteLogGroup", "DeleteMetricFilter", "DeleteRetentionPolicy", "DisassociateKmsKey", "PutMetricFilter", "PutRetentionPolicy", "TagResource", "UntagResource"]
        resources = [for group in ["/${name}/${environment}/*", "aws-waf-logs-${name}-${environment}*"] : "arn:${local.partition}:logs:${local.here}:log-group:${group}"]
      }
      sqs = {
        actions   = ["CreateQueue", "DeleteQueue", "SetQueueAttributes", "TagQueue", "UntagQueue"]
        resources = ["arn:${local.partition}:sqs:${local.here}:${name}-${environment}-*"]
      }
      ssm = {
        actions   = ["AddTagsToResource", "DeleteParameter", "PutParameter", "RemoveTagsFromResource"]
        resources = ["arn:${local.partition}:ssm:${local.here}:parameter/${name}/${environment}/*"]
      }
      wafv2 = {
        actions = ["AssociateWebACL", "CreateIPSet", "CreateWebACL", "DeleteIPSet", "DeleteLoggingConfiguration", "DeleteWebACL", "PutLoggingConfiguration", "TagResource", "UntagResource", "UpdateIPSet", "UpdateWebACL"]
        resources = [for resource in [
          "wafv2:${local.here}:regional/managedruleset/*",
          "wafv2:${local.here}:regional/ipset/${name}-${environment}-*",
          "wafv2:${local.here}:regional/webacl/${name}-${environment}/*",
          "elasticloadbalancing:${local.here}:loadbalancer/app/${name}-${environment}/*",
        ] : "arn:${local.partition}:${resource}"]
      }
    }
  } }]...)

  write_environment = { for environment in var.environments : environment => {
    budgets = {
      actions   = ["ModifyBudget", "TagResource", "UntagResource"]
      resources = ["arn:${local.partition}:budgets::${local.account}:budget/${var.name}-${environment}"]
    }
    ecs = {
      actions   = ["DeleteCluster", "PutClusterCapacityProviders", "TagResource", "UntagResource", "UpdateCluster", "UpdateClusterSettings"]
      resources = ["arn:${local.partition}:ecs:${local.here}:cluster/${var.name}-${environment}"]
    }
    kms-aliases = {
      actions   = ["CreateAlias", "DeleteAlias", "UpdateAlias"]
      resources = ["arn:${local.partition}:kms:${local.here}:alias/${var.name}-${environment}"]
    }
    s3 = {
      actions = [
        "CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "DeleteObject", "DeleteObjectVersion", "ListBucketVersions", "PutBucketOwnershipControls",
        "PutBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketTagging", "PutBucketVersioning", "PutEncryptionConfiguration", "PutLifecycleConfiguration",
        "TagResource", "UntagResource",
      ]
      resources = [for suffix in ["", "/*"] : "arn:${local.partition}:s3:::${var.name}-${environment}-logs-${local.account}-${var.region}${suffix}"]
    }
    sns = {
      actions   = ["CreateTopic", "DeleteTopic", "SetTopicAttributes", "Subscribe", "TagResource", "UntagResource"]
      resources = [for region in distinct([var.region, "us-east-1"]) : "arn:${local.partition}:sns:${region}:${local.account}:${var.name}-${environment}-*"]
    }
  } }

  workload_roles = { for environment, ids in local.ids : environment => flatten([for id in ids : [for kind in ["execution", "task"] : "arn:${local.partition}:iam::${local.account}:role/${id}-${kind}"]]) }

  # By the name of the policy. The part of a key before the hyphen is the service of AWS: cloudwatch-dashboards is for cloudwatch.
  named_statements = { for policy, rights in merge(
    { for id, of in local.write_services : "service-${id}" => of.rights },
    { for environment, rights in local.write_environment : "environment-${environment}" => rights },
    ) : policy => [for service, may in rights : {
      Effect   = "Allow"
      Action   = [for name in may.actions : "${split("-", service)[0]}:${name}"]
      Resource = may.resources
  }] }

  network_statements = [
    {
      Sid       = "Region"
      Effect    = "Allow"
      Action    = flatten([for service, names in local.write_network : [for name in names : "${service}:${name}"]])
      Resource  = "*"
      Condition = { StringEquals = { "aws:RequestedRegion" = var.region } }
    },
    {
      # The private names of an interface endpoint are a Route 53 zone. Route 53 is a global service, so there is no region here.
      Sid      = "EndpointNames"
      Effect   = "Allow"
      Action   = ["route53:AssociateVPCWithHostedZone"]
      Resource = "*"
    },
    {
      # The outside probe. AWS chooses the id of a health check and has no condition for it.
      Sid      = "HealthChecks"
      Effect   = "Allow"
      Action   = ["route53:ChangeTagsForResource", "route53:CreateHealthCheck", "route53:DeleteHealthCheck", "route53:UpdateHealthCheck"]
      Resource = "*"
    },
    {
      # The topic of the outside probe, in Route 53's region. The actions for other subscriptions are in the policy `network`.
      Sid       = "OutsideTopic"
      Effect    = "Allow"
      Action    = ["sns:SetSubscriptionAttributes", "sns:Unsubscribe"]
      Resource  = "*"
      Condition = { StringEquals = { "aws:RequestedRegion" = "us-east-1" } }
    },
  ]

  zone_statements = [for zone in compact([var.zone_id]) : {
    Effect   = "Allow"
    Action   = ["route53:ChangeResourceRecordSets"]
    Resource = "arn:${local.partition}:route53:::hostedzone/${zone}"
  }]

  key_and_role_statements = { for environment in var.environments : environment => [
    {
      Sid       = "StackKey"
      Effect    = "Allow"
      Action    = ["kms:DisableKeyRotation", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateKeyDescription"]
      Resource  = "arn:${local.partition}:kms:${local.here}:key/*"
      Condition = { StringEquals = { "aws:ResourceTag/application" = var.name, "aws:ResourceTag/environment" = environment } }
    },
    {
      # Terraform calls these seconds after CreateKey, and a tag can take five minutes to work in a policy. Therefore a key without the
      # tag is also allowed. These calls give no access. The calls that give access need the tag: see the statement above. The alias must
      # also have our name (kms-aliases).
      Sid       = "StackKeyAndNewKey"
      Effect    = "Allow"
      Action    = ["kms:CreateAlias", "kms:DeleteAlias", "kms:EnableKeyRotation", "kms:UpdateAlias"]
      Resource  = "arn:${local.partition}:kms:${local.here}:key/*"
      Condition = { StringEqualsIfExists = { "aws:ResourceTag/application" = var.name, "aws:ResourceTag/environment" = environment } }
    },
    {
      # CreateKey sets the tags when the key has no tags yet.
      Sid       = "TagNewKey"
      Effect    = "Allow"
      Action    = ["kms:TagResource"]
      Resource  = "*"
      Condition = { StringEquals = { "aws:RequestTag/application" = var.name, "aws:RequestTag/environment" = environment }, Null = { "aws:ResourceTag/application" = "true" } }
    },
    {
      Sid       = "WriteParameter"
      Effect    = "Allow"
      Action    = ["kms:Encrypt", "kms:GenerateDataKey"]
      Resource  = "arn:${local.partition}:kms:${local.here}:key/*"
      Condition = { StringEquals = { "kms:ViaService" = "ssm.${var.region}.amazonaws.com" } }
    },
    {
      # Only with the boundary, for new and changed roles. So no role can do more than a task of these services.
      Sid       = "RolesWithinTheBoundary"
      Effect    = "Allow"
      Action    = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"]
      Resource  = local.workload_roles[environment]
      Condition = { StringEquals = { "iam:PermissionsBoundary" = local.boundary_arn[environment] } }
    },
    {
      Sid      = "Roles"
      Effect   = "Allow"
      Action   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole"]
      Resource = local.workload_roles[environment]
    },
    {
      Sid       = "GiveRolesToTasks"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = local.workload_roles[environment]
      Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
    },
    {
      Sid       = "ServiceLinkedRoles"
      Effect    = "Allow"
      Action    = ["iam:CreateServiceLinkedRole"]
      Resource  = "arn:${local.partition}:iam::${local.account}:role/aws-service-role/*"
      Condition = { StringEquals = { "iam:AWSServiceName" = ["ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com", "wafv2.amazonaws.com"] } }
    },
  ] }

  # By the name of the policy. A list needs one type for all statements, so each policy is encoded as text.
  write_policies = merge(
    { network = { environments = var.environments, statements = jsonencode(local.network_statements) } },
    { for id, of in local.write_services : "service-${id}" => { environments = [of.environment], statements = jsonencode(local.named_statements["service-${id}"]) } },
    { for environment in var.environments : "environment-${environment}" => {
      environments = [environment]
      statements   = jsonencode(concat(local.named_statements["environment-${environment}"], local.zone_statements, local.key_and_role_statements[environment]))
    } },
  )
}

resource "aws_iam_policy" "write" {
  # checkov:skip=CKV_AWS_355: "*" with aws:RequestedRegion, for actions on resources that have no ARN yet.
  # checkov:skip=CKV_AWS_290: as above; key policies and roles are limited by tag, name and boundary.
  # checkov:skip=CKV_AWS_289: as above.
  for_each = local.write_policies

  name        = "${var.name}-write-${each.key}"
  description = "What terraform apply changes: ${each.key}."
  policy      = jsonencode({ Version = "2012-10-17", Statement = jsondecode(each.value.statements) })

  lifecycle {
    precondition {
      condition     = length(jsonencode({ Version = "2012-10-17", Statement = jsondecode(each.value.statements) })) <= 6144
      error_message = "A managed policy of IAM has at most 6,144 characters, and this one is longer. Split it into more policies."
    }

    precondition {
      condition     = !anytrue([for pair in setproduct(flatten(values(local.ids)), flatten(values(local.ids))) : pair[0] != pair[1] && startswith(pair[0], "${pair[1]}-")]) && length(distinct(flatten(values(local.ids)))) == length(flatten(values(local.ids)))
      error_message = "The name of a service in one environment is equal to, or begins with, the name of a service in another: ${join(", ", flatten(values(local.ids)))}. Choose another name for an environment."
    }
  }
}
