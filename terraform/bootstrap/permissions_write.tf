# What an apply changes. Three policies, because one may hold 6,144 characters:
#   network  where AWS lets no permission name what does not exist yet. Held to the region.
#   named    everything that carries the name of the environment or of a service, by that name.
#   keys_and_roles  the key by its tag; roles only within the boundary, and never the workflows' own.

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
    # AWS documents DisassociateWebACL for `*`. It also needs elasticloadbalancing:DeleteWebACLAssociation, which is limited to our
    # balancers below.
    wafv2 = ["DisassociateWebACL"]
    # AWS knows these for `*` only. elasticloadbalancing:SetWebACL is the older name of what CreateWebACLAssociation permits.
    cloudwatch           = ["PutCompositeAlarm"]
    elasticloadbalancing = ["SetWebACL"]
    # Delivery of flow logs and of WAF's log is a permission of CloudWatch Logs, whatever the destination.
    logs = ["CreateLogDelivery", "DeleteLogDelivery", "DeleteQueryDefinition", "GetLogDelivery", "ListLogDeliveries", "PutQueryDefinition", "PutResourcePolicy", "UpdateLogDelivery"]
    sns  = ["SetSubscriptionAttributes", "Unsubscribe"]
  }

  write_named = {
    cloudwatch = {
      actions   = ["DeleteAlarms", "PutMetricAlarm", "TagResource", "UntagResource"]
      resources = [for name in local.service_names : "arn:${local.partition}:cloudwatch:${local.here}:alarm:${name}-*"]
    }
    cloudwatch-dashboards = {
      actions   = ["DeleteDashboards", "PutDashboard"]
      resources = [for name in local.service_names : "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${name}-*"]
    }
    ecs = {
      actions   = ["CreateService", "DeleteCluster", "DeleteService", "PutClusterCapacityProviders", "RegisterTaskDefinition", "TagResource", "UntagResource", "UpdateCluster", "UpdateClusterSettings", "UpdateService"]
      resources = [for kind in flatten(["cluster/${var.name}-*", [for name in local.service_names : ["service/${var.name}-*/${name}-*", "task-definition/${name}-*:*"]]]) : "arn:${local.partition}:ecs:${local.here}:${kind}"]
    }
    elasticloadbalancing = {
      actions = [
        "AddTags", "CreateListener", "CreateLoadBalancer", "CreateRule", "CreateTargetGroup", "CreateWebACLAssociation", "DeleteListener", "DeleteLoadBalancer",
        "DeleteRule", "DeleteTargetGroup", "DeleteWebACLAssociation", "ModifyListener", "ModifyListenerAttributes", "ModifyLoadBalancerAttributes", "ModifyRule", "ModifyTargetGroup",
        "ModifyTargetGroupAttributes", "RemoveTags", "SetRulePriorities", "SetSecurityGroups", "SetSubnets",
      ]
      resources = flatten([for name in local.service_names : [for kind in ["listener/app", "listener-rule/app", "loadbalancer/app", "targetgroup"] : "arn:${local.partition}:elasticloadbalancing:${local.here}:${kind}/${name}-*"]])
    }
    events = {
      actions   = ["DeleteRule", "PutRule", "PutTargets", "RemoveTargets", "TagResource", "UntagResource"]
      resources = [for name in local.service_names : "arn:${local.partition}:events:${local.here}:rule/${name}-*"]
    }
    kms-aliases = {
      actions   = ["CreateAlias", "DeleteAlias", "UpdateAlias"]
      resources = ["arn:${local.partition}:kms:${local.here}:alias/${var.name}-*"]
    }
    logs = {
      actions   = ["AssociateKmsKey", "CreateLogGroup", "DeleteLogGroup", "DeleteMetricFilter", "DeleteRetentionPolicy", "DisassociateKmsKey", "PutMetricFilter", "PutRetentionPolicy", "TagResource", "UntagResource"]
      resources = flatten([for name in local.service_names : [for group in ["/${name}/*", "aws-waf-logs-${name}-*"] : "arn:${local.partition}:logs:${local.here}:log-group:${group}"]])
    }
    s3 = {
      actions = [
        "CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "DeleteObject", "DeleteObjectVersion", "ListBucketVersions", "PutBucketOwnershipControls",
        "PutBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketTagging", "PutBucketVersioning", "PutEncryptionConfiguration", "PutLifecycleConfiguration",
        "TagResource", "UntagResource",
      ]
      resources = [for suffix in ["", "/*"] : "arn:${local.partition}:s3:::${var.name}-*-logs-${local.account}-*${suffix}"]
    }
    sns = {
      actions   = ["CreateTopic", "DeleteTopic", "SetTopicAttributes", "Subscribe", "TagResource", "UntagResource"]
      resources = ["arn:${local.partition}:sns:${local.here}:${var.name}-*"]
    }
    sqs = {
      actions   = ["CreateQueue", "DeleteQueue", "SetQueueAttributes", "TagQueue", "UntagQueue"]
      resources = [for name in local.service_names : "arn:${local.partition}:sqs:${local.here}:${name}-*"]
    }
    ssm = {
      actions   = ["AddTagsToResource", "DeleteParameter", "PutParameter", "RemoveTagsFromResource"]
      resources = [for name in local.service_names : "arn:${local.partition}:ssm:${local.here}:parameter/${name}/*"]
    }
    wafv2 = {
      actions = ["AssociateWebACL", "CreateIPSet", "CreateWebACL", "DeleteIPSet", "DeleteLoggingConfiguration", "DeleteWebACL", "PutLoggingConfiguration", "TagResource", "UntagResource", "UpdateIPSet", "UpdateWebACL"]
      resources = flatten([
        "arn:${local.partition}:wafv2:${local.here}:regional/managedruleset/*",
        [for name in local.service_names : [for resource in ["wafv2:${local.here}:regional/ipset", "wafv2:${local.here}:regional/webacl", "elasticloadbalancing:${local.here}:loadbalancer/app"] : "arn:${local.partition}:${resource}/${name}-*"]],
      ])
    }
  }

  workload_roles = flatten([for name in local.service_names : [for kind in ["execution", "task"] : "arn:${local.partition}:iam::${local.account}:role/${name}-*-${kind}"]])

  write_statements = {
    network = [
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
    ]

    named = concat(
      # The part of the key before a hyphen is the service: cloudwatch-dashboards are cloudwatch's.
      [for service, may in local.write_named : {
        Effect   = "Allow"
        Action   = [for name in may.actions : "${split("-", service)[0]}:${name}"]
        Resource = may.resources
      }],
      [for zone in compact([var.zone_id]) : {
        Effect   = "Allow"
        Action   = ["route53:ChangeResourceRecordSets"]
        Resource = "arn:${local.partition}:route53:::hostedzone/${zone}"
      }],
    )

    keys_and_roles = [
      {
        Sid       = "StackKey"
        Effect    = "Allow"
        Action    = ["kms:DisableKeyRotation", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateKeyDescription"]
        Resource  = "arn:${local.partition}:kms:${local.here}:key/*"
        Condition = { StringEquals = { "aws:ResourceTag/application" = var.name }, StringNotEquals = { "aws:ResourceTag/environment" = "shared" } }
      },
      {
        # Terraform calls these seconds after CreateKey, and a tag can take five minutes to count in a policy. Therefore a key
        # without the tag is allowed too. These calls give access to nothing; the calls that do need the tag, in the statement
        # above. The alias must also have our name (kms-aliases).
        Sid       = "StackKeyAndNewKey"
        Effect    = "Allow"
        Action    = ["kms:CreateAlias", "kms:DeleteAlias", "kms:EnableKeyRotation", "kms:UpdateAlias"]
        Resource  = "arn:${local.partition}:kms:${local.here}:key/*"
        Condition = { StringEqualsIfExists = { "aws:ResourceTag/application" = var.name }, StringNotEquals = { "aws:ResourceTag/environment" = "shared" } }
      },
      {
        # A key is tagged as it is made, when it has no tags yet.
        Sid       = "TagNewKey"
        Effect    = "Allow"
        Action    = ["kms:TagResource"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestTag/application" = var.name }, Null = { "aws:ResourceTag/application" = "true" } }
      },
      {
        Sid       = "WriteParameter"
        Effect    = "Allow"
        Action    = ["kms:Encrypt", "kms:GenerateDataKey"]
        Resource  = "arn:${local.partition}:kms:${local.here}:key/*"
        Condition = { StringEquals = { "kms:ViaService" = "ssm.${var.region}.amazonaws.com" } }
      },
      {
        # Only with the boundary, made or changed: so no role made here can do more than a task of these services.
        Sid       = "RolesWithinTheBoundary"
        Effect    = "Allow"
        Action    = ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"]
        Resource  = local.workload_roles
        Condition = { StringEquals = { "iam:PermissionsBoundary" = local.boundary_arn } }
      },
      {
        Sid      = "Roles"
        Effect   = "Allow"
        Action   = ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole"]
        Resource = local.workload_roles
      },
      {
        Sid       = "GiveRolesToTasks"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = local.workload_roles
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      {
        Sid       = "ServiceLinkedRoles"
        Effect    = "Allow"
        Action    = ["iam:CreateServiceLinkedRole"]
        Resource  = "arn:${local.partition}:iam::${local.account}:role/aws-service-role/*"
        Condition = { StringEquals = { "iam:AWSServiceName" = ["ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com", "wafv2.amazonaws.com"] } }
      },
    ]
  }
}

resource "aws_iam_policy" "write" {
  # checkov:skip=CKV_AWS_355: "*" with aws:RequestedRegion, for actions that make what has no ARN yet.
  # checkov:skip=CKV_AWS_290: the same; and key policies and roles only by tag, name and boundary.
  # checkov:skip=CKV_AWS_289: the same.
  for_each = local.write_statements

  name        = "${var.name}-write-${replace(each.key, "_", "-")}"
  description = "What terraform apply changes: ${replace(each.key, "_", " ")}."
  policy      = jsonencode({ Version = "2012-10-17", Statement = each.value })

  lifecycle {
    precondition {
      condition     = length(jsonencode({ Version = "2012-10-17", Statement = each.value })) <= 6144
      error_message = "IAM takes no managed policy of more than 6,144 characters, and this one names every service: split write_named into more policies."
    }
  }
}
