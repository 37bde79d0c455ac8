# Access to the service, and the rights of tasks, roles and keys.

mock_provider "aws" {
  source          = "../tests/mocks"
  override_during = plan
}

variables {
  document = jsondecode(file("../../services/sum/openapi.json"))
}

run "private" {
  command = plan

  assert {
    condition     = !aws_ecs_service.this.network_configuration[0].assign_public_ip
    error_message = "Tasks must not have public addresses."
  }

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.tasks_to_internet) == 0 && aws_vpc_security_group_egress_rule.tasks_to_s3[0].prefix_list_id == "pl-s3"
    error_message = "Tasks must have a route to S3 and no route to the internet."
  }

  assert {
    condition = alltrue([for r in [
      aws_vpc_security_group_egress_rule.alb_to_tasks, aws_vpc_security_group_ingress_rule.tasks_from_alb,
      aws_vpc_security_group_egress_rule.tasks_to_endpoints[0], aws_vpc_security_group_ingress_rule.endpoints_from_tasks[0],
      aws_vpc_security_group_egress_rule.tasks_to_s3[0],
    ] : r.cidr_ipv4 == null && r.cidr_ipv6 == null && r.ip_protocol == "tcp" && r.from_port == r.to_port])
    error_message = "Inside the VPC, every rule must have one peer and one port."
  }

  assert {
    condition = alltrue([for r in [aws_iam_role.execution, aws_iam_role.task] :
      jsondecode(r.assume_role_policy).Statement[0].Principal.Service == "ecs-tasks.amazonaws.com"
      && jsondecode(r.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
      && jsondecode(r.assume_role_policy).Statement[0].Condition.ArnLike["aws:SourceArn"] == "arn:aws:ecs:us-east-1:123456789012:*"
      && r.permissions_boundary == "arn:aws:iam::123456789012:policy/sum-api-workload-production"
    ])
    error_message = "Only ECS must be able to assume both roles, for tasks of this account and within the boundary."
  }

  assert {
    condition = alltrue(flatten([for p in [aws_iam_role_policy.execution, aws_iam_role_policy.execution_decrypt[0], aws_iam_role_policy.task[0], aws_iam_role_policy.task_decrypt[0]] :
      [for s in jsondecode(p.policy).Statement : s.Effect == "Allow" && !anytrue([for a in s.Action : strcontains(a, "*")])]
    ]))
    error_message = "No role may have a wildcard action."
  }

  assert {
    condition = flatten([for p in [aws_iam_role_policy.execution, aws_iam_role_policy.execution_decrypt[0], aws_iam_role_policy.task[0], aws_iam_role_policy.task_decrypt[0]] :
      [for s in jsondecode(p.policy).Statement : s.Action if s.Resource == "*"]
    ]) == ["ecr:GetAuthorizationToken"]
    error_message = "Every action except the registry login must have a resource."
  }

  assert {
    condition     = flatten([for s in jsondecode(aws_iam_role_policy.task[0].policy).Statement : s.Action]) == ["ssm:GetParameter"] && jsondecode(aws_iam_role_policy.task[0].policy).Statement[0].Resource == "arn:aws:ssm:us-east-1:123456789012:parameter/sum-api/production/api-key"
    error_message = "The containers must be able to read the keys only."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.execution.policy).Statement[1].Resource == ["arn:aws:ecr:us-east-1:123456789012:repository/sum-api/api", "arn:aws:ecr:us-east-1:123456789012:repository/sum-api/nginx"]
    error_message = "ECS must be able to pull the two images only."
  }

  assert {
    condition = alltrue([for p in [aws_iam_role_policy.execution_decrypt[0], aws_iam_role_policy.task_decrypt[0]] :
      jsondecode(p.policy).Statement[0].Resource == var.kms_key_arn
      && jsondecode(p.policy).Statement[0].Condition.StringEquals == {
        "kms:ViaService"                      = "ssm.us-east-1.amazonaws.com"
        "kms:EncryptionContext:PARAMETER_ARN" = "arn:aws:ssm:us-east-1:123456789012:parameter/sum-api/production/api-key"
      }
    ])
    error_message = "The roles must be able to decrypt this parameter only, through SSM."
  }

  assert {
    condition     = aws_ssm_parameter.api_key[0].type == "SecureString" && aws_ssm_parameter.api_key[0].key_id == var.kms_key_arn && aws_ssm_parameter.api_key[0].value_wo_version == 1
    error_message = "The keys must be a SecureString with the stack's key. value_wo_version must stay 1."
  }

  assert {
    condition     = aws_cloudwatch_log_group.service.kms_key_id == var.kms_key_arn && aws_cloudwatch_log_group.service.retention_in_days == 365
    error_message = "The logs must be encrypted with the key and have the retention of the variable."
  }

  assert {
    condition     = aws_ecs_service.this.deployment_minimum_healthy_percent == 100 && aws_ecs_service.this.deployment_maximum_percent == 200 && aws_ecs_service.this.availability_zone_rebalancing == "ENABLED"
    error_message = "A deployment must keep the desired count, and zone rebalancing must be enabled."
  }

  assert {
    condition     = aws_ecs_service.this.deployment_circuit_breaker[0].enable && aws_ecs_service.this.deployment_circuit_breaker[0].rollback && aws_ecs_service.this.wait_for_steady_state
    error_message = "A failing deployment must be rolled back, and Terraform must wait for the result."
  }

  assert {
    condition     = !aws_ecs_service.this.enable_execute_command
    error_message = "A shell in a running task must be impossible."
  }

  assert {
    condition     = aws_appautoscaling_target.service.min_capacity == 2 && aws_appautoscaling_target.service.max_capacity == 6
    error_message = "Autoscaling must use the limits of the variables."
  }

  assert {
    condition     = aws_appautoscaling_policy.requests.target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].resource_label == "app/sum-api-production/aaaaaaaaaaaaaaaa/targetgroup/sum-api-production/bbbbbbbbbbbbbbbb"
    error_message = "Autoscaling on requests must use this load balancer and this target group."
  }
}

run "default_network" {
  command = plan

  variables {
    network = { private = false, vpc_id = "vpc-default", balancer_subnet_ids = ["subnet-a"], balancer_subnet_cidrs = ["172.31.0.0/20"], task_subnet_ids = ["subnet-a"] }
  }

  assert {
    condition     = aws_security_group.tasks.vpc_id == "vpc-default" && aws_ecs_service.this.network_configuration[0].assign_public_ip
    error_message = "Tasks must be in the default VPC, with a public address to reach ECR."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.tasks_from_alb.cidr_ipv4 == null && aws_vpc_security_group_ingress_rule.tasks_from_alb.from_port == 8081
    error_message = "Tasks with public addresses must accept only the load balancer."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.tasks_to_internet[0].from_port == 443 && aws_vpc_security_group_egress_rule.tasks_to_internet[0].to_port == 443
    error_message = "Tasks must send to HTTPS only."
  }
}

run "ingress_cidrs_limit_callers" {
  command = plan

  variables {
    ingress_cidrs = ["192.0.2.0/24", "198.51.100.0/24"]
  }

  assert {
    condition     = toset([for r in merge(aws_vpc_security_group_ingress_rule.alb_https, aws_vpc_security_group_ingress_rule.alb_http) : r.cidr_ipv4]) == toset(["192.0.2.0/24", "198.51.100.0/24"])
    error_message = "Only ingress_cidrs must reach the load balancer."
  }
}

run "existing_vpc" {
  command = plan

  variables {
    network = { private = true, endpoints = false, vpc_id = "vpc-theirs", vpc_cidr = "10.20.0.0/16", balancer_subnet_ids = ["subnet-p"], balancer_subnet_cidrs = ["10.20.8.0/24"], task_subnet_ids = ["subnet-t"], task_subnet_cidrs = ["10.20.0.0/24"] }
  }

  assert {
    condition     = !aws_ecs_service.this.network_configuration[0].assign_public_ip && aws_ecs_service.this.network_configuration[0].subnets == toset(["subnet-t"])
    error_message = "In an existing VPC, tasks must be in the private subnets, without public addresses."
  }

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.tasks_to_endpoints) == 0 && length(aws_vpc_security_group_ingress_rule.endpoints_from_tasks) == 0 && aws_vpc_security_group_egress_rule.tasks_to_internet[0].from_port == 443 && aws_vpc_security_group_egress_rule.tasks_to_internet[0].to_port == 443
    error_message = "Tasks must reach AWS by HTTPS only, on the route of the VPC."
  }
}

run "internal" {
  command = plan

  variables {
    internal = true
    network  = { private = true, endpoints = false, vpc_id = "vpc-theirs", vpc_cidr = "10.20.0.0/16", balancer_subnet_ids = [], balancer_subnet_cidrs = [], task_subnet_ids = ["subnet-t", "subnet-u"], task_subnet_cidrs = ["10.20.0.0/24", "10.20.1.0/24"] }
  }

  assert {
    condition     = aws_lb.this.internal && aws_lb.this.subnets == toset(["subnet-t", "subnet-u"])
    error_message = "An internal load balancer must have private addresses, in the private subnets."
  }

  assert {
    condition     = toset([for r in merge(aws_vpc_security_group_ingress_rule.alb_https, aws_vpc_security_group_ingress_rule.alb_http) : r.cidr_ipv4]) == toset(["10.20.0.0/16"])
    error_message = "Without ingress_cidrs, only the VPC must reach an internal load balancer."
  }

  assert {
    condition     = contains(jsondecode(aws_ecs_task_definition.this.container_definitions)[1].environment, { name = "TRUSTED_PROXIES", value = "10.20.0.0/24,10.20.1.0/24" })
    error_message = "The sidecar must trust the subnets of the load balancer."
  }

  assert {
    condition     = output.internal && output.probe == null
    error_message = "The output internal must be true."
  }
}

run "internal_for_company_networks" {
  command = plan

  variables {
    internal      = true
    ingress_cidrs = ["10.0.0.0/8"]
    network       = { private = true, endpoints = false, vpc_id = "vpc-theirs", vpc_cidr = "10.20.0.0/16", balancer_subnet_ids = [], balancer_subnet_cidrs = [], task_subnet_ids = ["subnet-t", "subnet-u"], task_subnet_cidrs = ["10.20.0.0/24", "10.20.1.0/24"] }
  }

  assert {
    condition     = toset([for r in merge(aws_vpc_security_group_ingress_rule.alb_https, aws_vpc_security_group_ingress_rule.alb_http) : r.cidr_ipv4]) == toset(["10.0.0.0/8"])
    error_message = "Only ingress_cidrs must reach an internal load balancer."
  }
}
