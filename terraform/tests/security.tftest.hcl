# Who may reach whom, and who may do what: both networks, the roles, the keys.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  environment     = "production"
  region          = "us-east-1"
  api_image       = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/api@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  nginx_image     = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/nginx@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  api_key         = "offline-test-key"
  api_key_version = 7
  domain_name     = "sum.example.com"
  zone_id         = "Z0123456789EXAMPLE"
}

override_resource {
  target          = aws_route_table.public
  override_during = plan
  values          = { id = "rtb-public" }
}

override_resource {
  target          = aws_route_table.private
  override_during = plan
  values          = { id = "rtb-private" }
}

run "private" {
  command = plan

  assert {
    condition     = length(aws_route.internet) == 1 && aws_route.internet[0].route_table_id == "rtb-public"
    error_message = "Only the public route table may lead to the internet."
  }

  assert {
    condition     = length(aws_subnet.private) == 2 && length(aws_subnet.public) == 2 && toset([for s in aws_subnet.private : s.availability_zone]) == toset(["us-east-1a", "us-east-1b"])
    error_message = "Both kinds of subnet must be in both zones."
  }

  assert {
    condition     = !anytrue([for s in merge(aws_subnet.private, aws_subnet.public) : s.map_public_ip_on_launch]) && !aws_ecs_service.this.network_configuration[0].assign_public_ip
    error_message = "Tasks must not have public addresses."
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "logs", "ssm"]) && length(aws_vpc_endpoint.s3) == 1
    error_message = "Without ECR, S3, logs and SSM no task starts; another endpoint is another way out."
  }

  assert {
    condition     = alltrue([for e in aws_vpc_endpoint.interface : e.private_dns_enabled]) && toset(aws_vpc_endpoint.s3[0].route_table_ids) == toset(["rtb-private"]) && alltrue([for a in aws_route_table_association.private : a.route_table_id == "rtb-private"])
    error_message = "The endpoints must answer under AWS's own names, and S3 must be on the tasks' route table."
  }

  assert {
    condition = alltrue(flatten([for e in aws_vpc_endpoint.interface : [for s in jsondecode(e.policy).Statement :
      s.Effect == "Allow" && s.Condition.StringEquals["aws:PrincipalAccount"] == "123456789012" && !anytrue([for a in s.Action : strcontains(a, "*")])
    ]]))
    error_message = "An endpoint must admit this account only, to named actions only."
  }

  assert {
    condition     = [for s in jsondecode(aws_vpc_endpoint.s3[0].policy).Statement : s.Resource] == ["arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"]
    error_message = "S3 must be reachable for image layers only."
  }

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.tasks_to_internet) == 0 && aws_vpc_security_group_egress_rule.tasks_to_s3[0].prefix_list_id == "pl-s3"
    error_message = "Tasks must have no way to the internet, and one to S3."
  }

  assert {
    condition = alltrue([for r in [
      aws_vpc_security_group_egress_rule.alb_to_tasks, aws_vpc_security_group_ingress_rule.tasks_from_alb,
      aws_vpc_security_group_egress_rule.tasks_to_endpoints[0], aws_vpc_security_group_ingress_rule.endpoints_from_tasks[0],
      aws_vpc_security_group_egress_rule.tasks_to_s3[0],
    ] : r.cidr_ipv4 == null && r.cidr_ipv6 == null && r.ip_protocol == "tcp" && r.from_port == r.to_port])
    error_message = "Inside, every rule must name its other side and one port."
  }

  assert {
    condition     = aws_default_security_group.closed[0].vpc_id == "vpc-own"
    error_message = "The default security group must be ours, which is without rules."
  }

  assert {
    condition     = aws_flow_log.rejected[0].traffic_type == "REJECT"
    error_message = "Refused packets must be logged."
  }

  assert {
    condition = alltrue([for r in [aws_iam_role.execution, aws_iam_role.task] :
      jsondecode(r.assume_role_policy).Statement[0].Principal.Service == "ecs-tasks.amazonaws.com"
      && jsondecode(r.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
      && jsondecode(r.assume_role_policy).Statement[0].Condition.ArnLike["aws:SourceArn"] == "arn:aws:ecs:us-east-1:123456789012:*"
      && r.permissions_boundary == "arn:aws:iam::123456789012:policy/sum-api-workload"
    ])
    error_message = "Both roles must be ECS's for this account's tasks only, within the boundary."
  }

  assert {
    condition = alltrue(flatten([for p in [aws_iam_role_policy.execution, aws_iam_role_policy.execution_decrypt, aws_iam_role_policy.task, aws_iam_role_policy.task_decrypt] :
      [for s in jsondecode(p.policy).Statement : s.Effect == "Allow" && !anytrue([for a in s.Action : strcontains(a, "*")])]
    ]))
    error_message = "No role may have a wildcard action."
  }

  assert {
    condition = flatten([for p in [aws_iam_role_policy.execution, aws_iam_role_policy.execution_decrypt, aws_iam_role_policy.task, aws_iam_role_policy.task_decrypt] :
      [for s in jsondecode(p.policy).Statement : s.Action if s.Resource == "*"]
    ]) == ["ecr:GetAuthorizationToken"]
    error_message = "Every action but the registry's login must name its resource."
  }

  assert {
    condition     = flatten([for s in jsondecode(aws_iam_role_policy.task.policy).Statement : s.Action]) == ["ssm:GetParameter"] && jsondecode(aws_iam_role_policy.task.policy).Statement[0].Resource == "arn:aws:ssm:us-east-1:123456789012:parameter/sum-api/production/api-key"
    error_message = "The containers may read the keys, and do nothing else."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.execution.policy).Statement[1].Resource == ["arn:aws:ecr:us-east-1:123456789012:repository/sum-api/api", "arn:aws:ecr:us-east-1:123456789012:repository/sum-api/nginx"]
    error_message = "ECS may pull the two images, and no other."
  }

  assert {
    condition = alltrue([for p in [aws_iam_role_policy.execution_decrypt, aws_iam_role_policy.task_decrypt] :
      jsondecode(p.policy).Statement[0].Resource == aws_kms_key.this.arn
      && jsondecode(p.policy).Statement[0].Condition.StringEquals == {
        "kms:ViaService"                      = "ssm.us-east-1.amazonaws.com"
        "kms:EncryptionContext:PARAMETER_ARN" = "arn:aws:ssm:us-east-1:123456789012:parameter/sum-api/production/api-key"
      }
    ])
    error_message = "The key may decrypt this parameter, through SSM, and nothing else."
  }

  assert {
    condition     = aws_ssm_parameter.api_key.type == "SecureString" && aws_ssm_parameter.api_key.key_id == aws_kms_key.this.arn && aws_ssm_parameter.api_key.value_wo_version == 7
    error_message = "The keys must be a SecureString under the stack's own key, written anew with every version."
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_cloudwatch_log_group.service.kms_key_id == aws_kms_key.this.arn && aws_cloudwatch_log_group.service.retention_in_days == 365
    error_message = "The key must rotate; the logs must be encrypted with it and kept as long as the variable says."
  }

  assert {
    condition = alltrue([for s in jsondecode(aws_kms_key.this.policy).Statement : contains(keys(s), "Condition") || contains(["LogsDescribeTheKey", "EventsPublish"], s.Sid)
    if contains(keys(s.Principal), "Service")])
    error_message = "Every service in the key's policy must be held to this account or its log groups, but where AWS knows no such condition."
  }

  assert {
    condition = (
      aws_s3_bucket_public_access_block.logs.block_public_acls && aws_s3_bucket_public_access_block.logs.block_public_policy
      && aws_s3_bucket_public_access_block.logs.ignore_public_acls && aws_s3_bucket_public_access_block.logs.restrict_public_buckets
    )
    error_message = "The log bucket must be closed to the public in all four ways."
  }

  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : s.Condition.Bool["aws:SecureTransport"] if s.Effect == "Deny"] == ["false"]
    error_message = "The log bucket must refuse plain HTTP."
  }

  assert {
    condition     = flatten([for s in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : s.Resource if s.Sid == "LoadBalancerWrites"]) == [for p in ["access", "connection"] : "arn:aws:s3:::sum-api-production-logs-123456789012-us-east-1/${p}/AWSLogs/123456789012/*"]
    error_message = "The load balancer may write its logs of this account, and no other object."
  }

  assert {
    condition     = aws_ecs_service.this.deployment_minimum_healthy_percent == 100 && aws_ecs_service.this.deployment_maximum_percent == 200 && aws_ecs_service.this.availability_zone_rebalancing == "ENABLED"
    error_message = "A deployment must never go below the desired count, and zones must be evened out."
  }

  assert {
    condition     = aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback && aws_ecs_service.this.wait_for_steady_state
    error_message = "A failing deployment must be rolled back, and Terraform must wait to see it."
  }

  assert {
    condition     = alltrue([for a in aws_ecs_service.this.alarms : a.enable && a.rollback && toset(a.alarm_names) == toset(local.rollback_alarm_names)]) && length(aws_ecs_service.this.alarms) == min(1, length(local.rollback_alarm_names))
    error_message = "Every rollback alarm must roll back."
  }

  assert {
    condition     = !aws_ecs_service.this.enable_execute_command
    error_message = "There must be no way to a shell in a running task."
  }

  assert {
    condition     = aws_appautoscaling_target.service.min_capacity == 2 && aws_appautoscaling_target.service.max_capacity == 6
    error_message = "Autoscaling must keep to the variables."
  }

  assert {
    condition     = aws_appautoscaling_policy.requests.target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].resource_label == "app/sum-api-production/aaaaaaaaaaaaaaaa/targetgroup/sum-api-production/bbbbbbbbbbbbbbbb"
    error_message = "Autoscaling on requests must watch this load balancer and this target group."
  }
}

run "three_zones" {
  command = plan

  variables {
    zones    = ["a", "b", "f"]
    vpc_cidr = "10.0.0.0/23"
  }

  assert {
    condition = (
      [for z in ["a", "b", "f"] : aws_subnet.public[z].cidr_block] == ["10.0.0.0/27", "10.0.0.32/27", "10.0.0.64/27"]
      && [for z in ["a", "b", "f"] : aws_subnet.private[z].cidr_block] == ["10.0.1.0/27", "10.0.1.32/27", "10.0.1.64/27"]
    )
    error_message = "Three zones must fit into the smallest VPC, without overlap."
  }
}

run "default_network" {
  command = plan

  variables {
    network = "default-vpc"
  }

  expect_failures = [check.trial_network]

  assert {
    condition     = length(aws_vpc.this) == 0 && length(aws_subnet.private) == 0 && length(aws_vpc_endpoint.interface) == 0 && length(aws_flow_log.rejected) == 0
    error_message = "The default VPC must be used as it is."
  }

  assert {
    condition     = aws_security_group.tasks.vpc_id == "vpc-default" && aws_ecs_service.this.network_configuration[0].assign_public_ip
    error_message = "Tasks must be in the default VPC, with a public address to reach ECR from."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.tasks_from_alb.cidr_ipv4 == null && aws_vpc_security_group_ingress_rule.tasks_from_alb.from_port == 8081
    error_message = "Even with public addresses only the load balancer may come in."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.tasks_to_internet[0].from_port == 443 && aws_vpc_security_group_egress_rule.tasks_to_internet[0].to_port == 443
    error_message = "Tasks may leave by HTTPS only."
  }
}

run "callers_can_be_narrowed" {
  command = plan

  variables {
    ingress_cidrs = ["192.0.2.0/24", "198.51.100.0/24"]
  }

  assert {
    condition     = toset([for r in merge(aws_vpc_security_group_ingress_rule.alb_https, aws_vpc_security_group_ingress_rule.alb_http) : r.cidr_ipv4]) == toset(["192.0.2.0/24", "198.51.100.0/24"])
    error_message = "Nobody but ingress_cidrs may reach the load balancer."
  }
}
