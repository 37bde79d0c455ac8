# The resources that are applied once: trust policies and rights of the roles, the state and the image repositories. The copy in which
# `cargo xtask terraform test` runs these tests has another service, `sum-api-2`.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000", key_id = "00000000-0000-0000-0000-000000000000" }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/sum-api-mocked" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { id = "sum-api-state-123456789012-us-east-1" }
  }

  mock_resource "aws_ecr_repository" {
    defaults = { arn = "arn:aws:ecr:us-east-1:123456789012:repository/sum-api/mocked" }
  }
}

variables {
  region              = "us-east-1"
  repository          = "example/sum-api"
  repository_id       = "7654321"
  repository_owner_id = "1234567"
  zone_id             = "Z0123456789EXAMPLE"
}

run "bootstrap" {
  command = plan

  assert {
    condition = alltrue([for name, role in aws_iam_role.github : jsondecode(role.assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = [
          "repo:example/sum-api:environment:${var.github_roles[name].environment}",
          "repo:example@1234567/sum-api@7654321:environment:${var.github_roles[name].environment}",
          "repo:example-1234567/sum-api-7654321:environment:${var.github_roles[name].environment}",
        ]
        "token.actions.githubusercontent.com:environment"         = var.github_roles[name].environment
        "token.actions.githubusercontent.com:repository"          = "example/sum-api"
        "token.actions.githubusercontent.com:repository_id"       = "7654321"
        "token.actions.githubusercontent.com:repository_owner_id" = "1234567"
        "token.actions.githubusercontent.com:job_workflow_ref"    = [for w in var.github_roles[name].workflows : "example/sum-api/.github/workflows/${w}@refs/heads/main"]
      }
    }])
    error_message = "A role must require the audience, the environment, the workflow file and the repository by name and number, each by equality."
  }

  assert {
    condition     = toset(keys(aws_iam_role.github)) == toset(["plan", "publish", "apply"])
    error_message = "There must be three roles."
  }

  assert {
    condition = toset(keys(aws_iam_role_policy_attachment.this)) == toset(concat(
      ["plan read", "plan read-environment", "apply read", "apply read-environment", "apply network", "apply environment-production"],
      [for name in local.service_names : "apply service-${name}-production"],
    )) && alltrue([for key, a in aws_iam_role_policy_attachment.this : a.role == "sum-api-${split(" ", key)[0]}"])
    error_message = "Plan and apply must have read rights; only apply must have write rights."
  }

  assert {
    condition = alltrue(flatten([for p in concat([aws_iam_policy.read.policy, aws_iam_role_policy.publish[0].policy], [for p in concat(values(aws_iam_policy.workload), values(aws_iam_policy.read_environment), values(aws_iam_policy.write), values(aws_iam_role_policy.state)) : p.policy]) :
      [for s in jsondecode(p).Statement : !anytrue([for a in s.Action : strcontains(a, "*")])]
    ]))
    error_message = "No policy may have a wildcard action."
  }

  assert {
    condition     = !anytrue([for a in jsondecode(aws_iam_policy.read.policy).Statement[0].Action : length(regexall(":(Describe|Get|List|View)", a)) == 0])
    error_message = "All actions of the plan role on all resources must be read actions."
  }

  assert {
    condition     = length(setintersection(jsondecode(aws_iam_policy.read.policy).Statement[0].Action, ["ssm:GetParameter", "ssm:GetParameters", "secretsmanager:GetSecretValue", "s3:GetObject", "logs:GetLogEvents", "logs:FilterLogEvents", "kms:Decrypt"])) == 0
    error_message = "The plan role must not read other contents than the parameter that Terraform manages."
  }

  assert {
    condition = alltrue([for s in jsondecode(aws_iam_policy.write["network"].policy).Statement :
      contains(["EndpointNames", "HealthChecks"], s.Sid) ? length(setsubtract(s.Action, ["route53:AssociateVPCWithHostedZone", "route53:ChangeTagsForResource", "route53:CreateHealthCheck", "route53:DeleteHealthCheck", "route53:UpdateHealthCheck"])) == 0 : try(s.Condition.StringEquals["aws:RequestedRegion"], "") == "us-east-1"
    ])
    error_message = "Actions that cannot be limited to a name must be limited to the region, if the service has regions."
  }

  assert {
    condition     = alltrue(flatten([for name in local.service_names : [for s in jsondecode(aws_iam_policy.write["service-${name}-production"].policy).Statement : [for r in flatten([s.Resource]) : can(regex("[-:/]${name}[-/]production", r)) || endswith(r, ":regional/managedruleset/*")]]]))
    error_message = "Other actions must be limited to the names of a service and its environment."
  }

  assert {
    condition = alltrue([for s in jsondecode(aws_iam_policy.write["environment-production"].policy).Statement :
      s.Condition.StringEquals["iam:PermissionsBoundary"] == "arn:aws:iam::123456789012:policy/${aws_iam_policy.workload["production"].name}" if contains(s.Action, "iam:CreateRole") || contains(s.Action, "iam:PutRolePolicy")
    ])
    error_message = "The apply role must create or change roles only with the boundary."
  }

  assert {
    condition = alltrue(flatten([for s in jsondecode(aws_iam_policy.write["environment-production"].policy).Statement :
      [for r in flatten([s.Resource]) : can(regex("role/(${join("|", local.service_names)})-production-(execution|task)$", r))] if anytrue([for a in s.Action : startswith(a, "iam:") && a != "iam:CreateServiceLinkedRole"])
    ]))
    error_message = "The apply role must not be able to change the workflows' own roles."
  }

  assert {
    condition     = length(setintersection(flatten([for w in aws_iam_policy.write : [for s in jsondecode(w.policy).Statement : s.Action]]), ["iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", "iam:AttachRolePolicy", "iam:CreatePolicyVersion", "iam:CreateUser", "iam:CreateAccessKey"])) == 0
    error_message = "The apply role must not be able to leave the boundary."
  }

  assert {
    condition     = flatten([for s in jsondecode(aws_iam_role_policy.state["plan"].policy).Statement : s.Resource if contains(s.Action, "s3:PutObject")]) == ["arn:aws:s3:::sum-api-state-123456789012-us-east-1/sum-api/production/terraform.tfstate.tflock"]
    error_message = "The plan role must write locks only, and no state."
  }

  assert {
    condition     = alltrue([for p in concat([aws_iam_policy.read.policy], [for p in concat(values(aws_iam_policy.workload), values(aws_iam_policy.read_environment), values(aws_iam_policy.write)) : p.policy]) : length(p) <= 6144])
    error_message = "A managed policy must have at most 6,144 characters."
  }

  assert {
    condition = alltrue([for name in local.service_names : alltrue([
      for wanted in [
        "alarm:NAME-production-*", "dashboard/NAME-production", "service/sum-api-production/NAME-production", "task-definition/NAME-production:*", "targetgroup/NAME-production/*",
        "rule/NAME-production-*", "sqs:us-east-1:123456789012:NAME-production-*", "log-group:/NAME/production/*", "parameter/NAME/production/*", "webacl/NAME-production/*",
      ] :
      length([for s in jsondecode(aws_iam_policy.write["service-${name}-production"].policy).Statement : s if length([for r in flatten([s.Resource]) : r if endswith(r, replace(wanted, "NAME", name))]) == 1]) >= 1
    ])])
    error_message = "The apply role must be able to change the resources of every service."
  }

  assert {
    condition     = alltrue([for r in aws_ecr_repository.this : r.image_tag_mutability == "IMMUTABLE" && r.image_scanning_configuration[0].scan_on_push && r.encryption_configuration[0].encryption_type == "KMS"]) && toset([for r in aws_ecr_repository.this : r.name]) == toset([for pair in setproduct(local.service_names, ["api", "nginx"]) : join("/", pair)])
    error_message = "Every service must have two repositories. They must have immutable tags, scanning and encryption."
  }

  assert {
    condition = alltrue([for s in jsondecode(aws_iam_policy.write["environment-production"].policy).Statement :
      try(s.Condition.StringEquals == { "aws:ResourceTag/application" = "sum-api", "aws:ResourceTag/environment" = "production" }, false)
      if length(setintersection(s.Action, ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKeyRotation"])) > 0
    ])
    error_message = "Actions that change access to a key must need the stack's tag and the environment's tag."
  }

  assert {
    condition = alltrue([for s in jsondecode(aws_iam_policy.write["environment-production"].policy).Statement :
      !can(s.Condition.StringEquals["aws:ResourceTag/application"]) if length(setintersection(s.Action, ["kms:EnableKeyRotation", "kms:CreateAlias"])) > 0
    ])
    error_message = "The calls right after CreateKey must not need a tag, which can take five minutes to work."
  }

  assert {
    condition = alltrue([for r in aws_ecr_repository.this : contains(flatten([
      for s in jsondecode(aws_iam_policy.read.policy).Statement : s.Resource if contains(s.Action, "ecr:BatchGetImage") && contains(s.Action, "ecr:GetDownloadUrlForLayer")
    ]), r.arn)])
    error_message = "Plan and apply must be able to read both repositories: signatures are verified there."
  }

  assert {
    condition     = toset(keys(aws_ecr_lifecycle_policy.this)) == toset([for r in aws_ecr_repository.this : r.name])
    error_message = "Every repository must delete old images."
  }

  assert {
    condition = alltrue(flatten([for p in aws_ecr_lifecycle_policy.this : [for rule in jsondecode(p.policy).rules :
      rule.selection.tagStatus == "untagged" ? rule.selection.countNumber >= 365 : rule.selection.tagStatus == "tagged" && rule.selection.countNumber >= 150
    ]]))
    error_message = "No rule may expire the attestations of an image that is still kept, whether ECR counts them as images or not."
  }

  assert {
    condition     = !anytrue([for r in aws_ecr_repository.this : r.force_delete])
    error_message = "By default, a repository that contains images must not be destroyed."
  }

  assert {
    condition     = strcontains(output.backend["production"], "sum-api/production/terraform.tfstate")
    error_message = "The backend of an environment must have the environment in its key."
  }

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled" && one(one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "States must be versioned and encrypted."
  }

  assert {
    condition = (
      aws_s3_bucket_public_access_block.state.block_public_acls && aws_s3_bucket_public_access_block.state.block_public_policy
      && aws_s3_bucket_public_access_block.state.ignore_public_acls && aws_s3_bucket_public_access_block.state.restrict_public_buckets
    )
    error_message = "The state bucket must have all four public access blocks."
  }

  assert {
    condition = toset(flatten([for s in jsondecode(aws_iam_policy.on_call.policy).Statement :
      [for a in flatten([s.Action]) : a if length(regexall("^[a-z0-9-]+:(Describe|Filter|Get|List|Lookup|View)", a)) == 0] if s.Sid != "CloudShell"
      ])) == toset([
      "application-autoscaling:RegisterScalableTarget", "ecs:StopTask", "ecs:UpdateService", "logs:StartQuery", "logs:StopQuery", "sqs:ReceiveMessage",
    ])
    error_message = "The engineer on call must be able to read, including queries and messages, stop tasks, update services and register scalable targets, and nothing else."
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_policy.on_call.policy).Statement : alltrue([for a in flatten([s.Action]) : startswith(a, "cloudshell:")]) if s.Sid == "CloudShell"])
    error_message = "The statement CloudShell must have only actions of CloudShell."
  }

  assert {
    condition = length(setintersection(flatten([for s in jsondecode(aws_iam_policy.on_call.policy).Statement : s.Action]), [
      "ssm:GetParameter", "ssm:GetParameters", "ssm:GetParameterHistory", "ssm:GetParametersByPath", "kms:Decrypt", "secretsmanager:GetSecretValue",
    ])) == 0
    error_message = "The engineer on call must not read keys."
  }

  assert {
    condition = alltrue(flatten([for s in jsondecode(aws_iam_policy.on_call.policy).Statement :
      [for r in flatten([s.Resource]) : can(regex("(${join("|", concat([var.name], local.service_names))})-", r)) || can(regex("log-group:/(${join("|", local.service_names)})/", r)) || strcontains(r, ":scalable-target/")] if !contains(["Look", "CloudShell"], s.Sid)
    ]))
    error_message = "Log lines, objects, messages and changes must be limited to the names of the services."
  }

  assert {
    condition = jsondecode(aws_iam_role.on_call.assume_role_policy).Statement == [{
      Sid = "PeopleOnCall", Effect = "Allow", Principal = { AWS = ["arn:aws:iam::123456789012:root"] }, Action = "sts:AssumeRole"
    }] && aws_iam_role.on_call.name == "sum-api-on-call" && aws_iam_role.on_call.max_session_duration == 14400
    error_message = "Without principals, the IAM policies of the account must decide who assumes the role of the engineer on call, for four hours at most."
  }

  assert {
    condition     = aws_iam_role_policy_attachment.on_call.role == "sum-api-on-call" && aws_iam_policy.keys.name == "sum-api-keys"
    error_message = "The role of the engineer on call must have its policy. No role must have the policy for keys."
  }

  assert {
    condition     = toset(flatten([for s in jsondecode(aws_iam_policy.keys.policy).Statement : s.Action])) == toset(["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "ssm:GetParameter", "ssm:GetParameterHistory", "ssm:PutParameter"])
    error_message = "The policy for keys must have the rights on keys, and nothing else."
  }
}

run "two_environments" {
  command = plan

  variables {
    environments        = ["production", "staging"]
    deletion_protection = false
  }

  assert {
    condition     = keys(output.backend) == ["production", "staging"] && length(distinct([for text in values(output.backend) : regex("key +=.*", text)])) == 2
    error_message = "Each environment must have its own state."
  }

  assert {
    condition = { for name, environment in output.github.environments : name => "${environment.role} ${coalesce(environment.environment, "-")}" } == {
      publish = "publish -", plan = "plan production", production = "apply production", plan-staging = "plan staging", staging = "apply staging"
    }
    error_message = "Every environment must have its own plan role, apply role and GitHub environments. All must share the publish role."
  }

  assert {
    condition = alltrue([for name, role in aws_iam_role.github : jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:environment"] == {
      publish = "publish", plan = "plan", apply = "production", plan-staging = "plan-staging", apply-staging = "staging"
    }[name]]) && length(aws_iam_role.github) == 5
    error_message = "Each role must trust one GitHub environment."
  }

  assert {
    condition = alltrue([for own, other in { production = "staging", staging = "production" } : !strcontains(join("", [
      aws_iam_policy.workload[own].policy, aws_iam_policy.read_environment[own].policy, join("", [for name in local.service_names : aws_iam_policy.write["service-${name}-${own}"].policy]), aws_iam_policy.write["environment-${own}"].policy,
    ]), other)])
    error_message = "The rights of an environment's role must contain no other environment."
  }

  assert {
    condition = alltrue([for key, a in aws_iam_role_policy_attachment.this :
      !strcontains(split(" ", key)[1], endswith(a.role, "-staging") ? "production" : "staging")
    ]) && length(aws_iam_role_policy_attachment.this) == 12 + 2 * length(local.service_names)
    error_message = "No role may have the policies of another environment."
  }

  assert {
    condition = alltrue([for role, own in { plan = "production", apply = "production", plan-staging = "staging", apply-staging = "staging" } :
      alltrue(flatten([for s in jsondecode(aws_iam_role_policy.state[role].policy).Statement : [for r in flatten([s.Resource]) : startswith(r, "arn:aws:s3:::sum-api-state-123456789012-us-east-1/sum-api/${own}/")] if !contains(s.Action, "s3:ListBucket") && !contains(s.Action, "kms:Decrypt")]))
    ])
    error_message = "No role may read or write the state of another environment."
  }

  assert {
    condition     = alltrue([for r in aws_ecr_repository.this : r.force_delete])
    error_message = "Without deletion protection, a repository must be deleted with its images."
  }
}

run "without_a_zone" {
  command = plan

  variables {
    zone_id = null
  }

  assert {
    condition     = !strcontains(aws_iam_policy.write["environment-production"].policy, "route53")
    error_message = "Without a zone, the apply role must not write records."
  }
}

run "people_on_call" {
  command = plan

  variables {
    on_call_principals = ["arn:aws:iam::123456789012:role/engineer", "arn:aws:iam::123456789012:user/alice"]
  }

  assert {
    condition     = jsondecode(aws_iam_role.on_call.assume_role_policy).Statement[0].Principal == { AWS = ["arn:aws:iam::123456789012:role/engineer", "arn:aws:iam::123456789012:user/alice"] }
    error_message = "Only the named principals may assume the role of the engineer on call."
  }
}

# This copy has a service `sum-api-2`. So the names of `sum-api` in `2-prod-eu` begin like those of `sum-api-2` in `prod`.
run "overlapping_names_are_rejected" {
  command = plan

  variables {
    environments = ["prod", "2-prod-eu"]
  }

  expect_failures = [aws_iam_policy.write]
}

run "another_region" {
  command = plan

  variables {
    region = "eu-west-1"
  }

  assert {
    condition = alltrue([for resource in ["cloudwatch:us-east-1:123456789012:alarm:sum-api-production-*", "cloudwatch:eu-west-1:123456789012:alarm:sum-api-production-*"] :
      strcontains(aws_iam_policy.write["service-sum-api-production"].policy, "\"arn:aws:${resource}\"")
    ]) && strcontains(aws_iam_policy.write["environment-production"].policy, "\"arn:aws:sns:us-east-1:123456789012:sum-api-production-*\"")
    error_message = "The rights must include the alarm of the outside probe and its topic in Route 53's region."
  }

  assert {
    condition     = { for s in jsondecode(aws_iam_policy.write["network"].policy).Statement : s.Sid => s.Condition.StringEquals["aws:RequestedRegion"] if can(s.Condition) } == { Region = "eu-west-1", OutsideTopic = "us-east-1" }
    error_message = "Only subscriptions must be changeable in another region than the stack's."
  }
}

run "without_github" {
  command = plan

  variables {
    repository          = null
    repository_id       = null
    repository_owner_id = null
  }

  assert {
    condition     = length(aws_iam_role.github) + length(aws_iam_openid_connect_provider.github) + length(aws_iam_role_policy.publish) + length(aws_iam_role_policy_attachment.this) + length(aws_iam_role_policy.state) == 0
    error_message = "Without a repository, no workflow must be able to assume a role."
  }

  assert {
    condition     = aws_iam_role.on_call.name == "sum-api-on-call"
    error_message = "The role of the engineer on call must exist without GitHub."
  }

  assert {
    condition     = length(output.github.environments) == 0 && length(output.repositories) > 0 && length(output.backend) > 0
    error_message = "States and image repositories must exist without GitHub."
  }
}
