# The shared resources of an environment: networks, key, log bucket.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

# Route 53's region.
mock_provider "aws" {
  alias           = "us_east_1"
  source          = "./tests/mocks"
  override_during = plan
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

override_resource {
  target          = aws_subnet.public
  override_during = plan
  values          = { id = "subnet-public" }
}

override_resource {
  target          = aws_subnet.private
  override_during = plan
  values          = { id = "subnet-private" }
}

override_resource {
  target          = aws_security_group.endpoints
  override_during = plan
  values          = { id = "sg-endpoints" }
}

run "private" {
  command = plan

  assert {
    condition     = length(aws_route.internet) == 1 && aws_route.internet[0].route_table_id == "rtb-public"
    error_message = "Only the public route table must have a route to the internet."
  }

  assert {
    condition     = length(aws_subnet.private) == 2 && length(aws_subnet.public) == 2 && toset([for s in aws_subnet.private : s.availability_zone]) == toset(["us-east-1a", "us-east-1b"])
    error_message = "Both kinds of subnet must be in both zones."
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "logs", "ssm"]) && length(aws_vpc_endpoint.s3) == 1
    error_message = "There must be endpoints for ECR, S3, logs and SSM only: tasks need these, and another endpoint allows more traffic."
  }

  assert {
    condition     = alltrue([for e in aws_vpc_endpoint.interface : e.private_dns_enabled]) && toset(aws_vpc_endpoint.s3[0].route_table_ids) == toset(["rtb-private"]) && alltrue([for a in aws_route_table_association.private : a.route_table_id == "rtb-private"])
    error_message = "The endpoints must use AWS's host names, and S3 must be in the tasks' route table."
  }

  assert {
    condition = alltrue(flatten([for e in aws_vpc_endpoint.interface : [for s in jsondecode(e.policy).Statement :
      s.Effect == "Allow" && s.Condition.StringEquals["aws:PrincipalAccount"] == "123456789012" && !anytrue([for a in s.Action : strcontains(a, "*")])
    ]]))
    error_message = "An endpoint must allow only this account and only named actions."
  }

  assert {
    condition     = [for s in jsondecode(aws_vpc_endpoint.s3[0].policy).Statement : s.Resource] == ["arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"]
    error_message = "S3 must be reachable for image layers only."
  }

  assert {
    condition     = aws_default_security_group.closed[0].vpc_id == "vpc-own"
    error_message = "The default security group must have no rules."
  }

  assert {
    condition     = aws_flow_log.rejected[0].traffic_type == "REJECT"
    error_message = "Rejected packets must be logged."
  }

  assert {
    condition = alltrue([for s in jsondecode(aws_kms_key.this.policy).Statement : contains(keys(s), "Condition") || contains(["LogsDescribeTheKey", "EventsPublish"], s.Sid)
    if contains(keys(s.Principal), "Service")])
    error_message = "Every service in the key's policy must be limited to this account or its log groups, except where AWS has no such condition."
  }

  assert {
    condition = (
      aws_s3_bucket_public_access_block.logs.block_public_acls && aws_s3_bucket_public_access_block.logs.block_public_policy
      && aws_s3_bucket_public_access_block.logs.ignore_public_acls && aws_s3_bucket_public_access_block.logs.restrict_public_buckets
    )
    error_message = "The log bucket must have all four public access blocks."
  }

  assert {
    condition     = [for s in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : s.Condition.Bool["aws:SecureTransport"] if s.Effect == "Deny"] == ["false"]
    error_message = "The log bucket must reject plain HTTP."
  }

  assert {
    condition     = flatten([for s in jsondecode(aws_s3_bucket_policy.logs.policy).Statement : s.Resource if s.Sid == "LoadBalancerWrites"]) == [for p in ["access", "connection", "health"] : "arn:aws:s3:::sum-api-production-logs-123456789012-us-east-1/${p}/AWSLogs/123456789012/*"]
    error_message = "The load balancer must write only its logs of this account."
  }

  assert {
    condition     = !anytrue([for s in merge(aws_subnet.private, aws_subnet.public) : s.map_public_ip_on_launch])
    error_message = "No subnet must assign public addresses by default."
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "The key must rotate."
  }

  assert {
    condition = (
      local.network.balancer_subnet_ids == tolist(["subnet-public", "subnet-public"]) && local.network.task_subnet_ids == tolist(["subnet-private", "subnet-private"])
      && local.network.balancer_subnet_cidrs == tolist(["10.42.0.0/20", "10.42.16.0/20"]) && local.network.endpoints_security_group_id == "sg-endpoints" && local.network.s3_prefix_list_id == "pl-s3"
    )
    error_message = "The services must get the public subnets for their load balancers and the private ones for their tasks."
  }

  assert {
    condition = alltrue([for name, resource in {
      "ecr.dkr" = "arn:aws:ecr:us-east-1:123456789012:repository/sum-api/nginx"
      logs      = "arn:aws:logs:us-east-1:123456789012:log-group:/sum-api/production/service:log-stream:*"
      ssm       = "arn:aws:ssm:us-east-1:123456789012:parameter/sum-api/production/api-key"
    } : contains(flatten([for s in jsondecode(aws_vpc_endpoint.interface[name].policy).Statement : s.Resource]), resource)])
    error_message = "Every endpoint must allow the resources of the services."
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
    error_message = "The default VPC must be used without changes."
  }

  assert {
    condition     = local.network.vpc_id == "vpc-default" && length(local.network.task_subnet_ids) == 2 && local.network.balancer_subnet_cidrs == tolist(["172.31.0.0/20", "172.31.0.0/20"]) && local.network.s3_prefix_list_id == null
    error_message = "The services must get the subnets of the default VPC, and no endpoint."
  }
}

# An existing VPC, which another stack owns.
run "existing_vpc" {
  command = plan

  variables {
    network = "existing-vpc"
    existing_vpc = {
      vpc_id             = "vpc-0123456789abcdef0"
      private_subnet_ids = ["subnet-0000000000000000a", "subnet-0000000000000000b"]
      public_subnet_ids  = ["subnet-0000000000000001a", "subnet-0000000000000001b"]
    }
  }

  override_data {
    target = data.aws_vpc.existing
    values = { id = "vpc-0123456789abcdef0", cidr_block = "10.20.0.0/16", enable_dns_support = true }
  }

  override_data {
    target = data.aws_subnet.existing["subnet-0000000000000000a"]
    values = { id = "subnet-0000000000000000a", vpc_id = "vpc-0123456789abcdef0", availability_zone = "us-east-1a", cidr_block = "10.20.0.0/24" }
  }

  override_data {
    target = data.aws_subnet.existing["subnet-0000000000000000b"]
    values = { id = "subnet-0000000000000000b", vpc_id = "vpc-0123456789abcdef0", availability_zone = "us-east-1b", cidr_block = "10.20.1.0/24" }
  }

  override_data {
    target = data.aws_subnet.existing["subnet-0000000000000001a"]
    values = { id = "subnet-0000000000000001a", vpc_id = "vpc-0123456789abcdef0", availability_zone = "us-east-1a", cidr_block = "10.20.8.0/24" }
  }

  override_data {
    target = data.aws_subnet.existing["subnet-0000000000000001b"]
    values = { id = "subnet-0000000000000001b", vpc_id = "vpc-0123456789abcdef0", availability_zone = "us-east-1b", cidr_block = "10.20.9.0/24" }
  }

  assert {
    condition = (
      length(aws_vpc.this) + length(aws_subnet.private) + length(aws_subnet.public) + length(aws_route.internet) + length(aws_vpc_endpoint.interface) + length(aws_vpc_endpoint.s3)
      + length(aws_flow_log.rejected) + length(aws_default_security_group.closed) + length(aws_security_group.endpoints) == 0
    )
    error_message = "Terraform must create and change nothing in an existing VPC."
  }

  assert {
    condition = (
      local.network.private && !local.network.endpoints && local.network.vpc_id == "vpc-0123456789abcdef0" && local.network.vpc_cidr == "10.20.0.0/16"
      && local.network.balancer_subnet_ids == tolist(["subnet-0000000000000001a", "subnet-0000000000000001b"]) && local.network.balancer_subnet_cidrs == tolist(["10.20.8.0/24", "10.20.9.0/24"])
      && local.network.task_subnet_ids == tolist(["subnet-0000000000000000a", "subnet-0000000000000000b"]) && local.network.task_subnet_cidrs == tolist(["10.20.0.0/24", "10.20.1.0/24"])
    )
    error_message = "The load balancers must be in the public subnets, and the tasks in the private ones."
  }
}

run "subnets_of_another_vpc_are_rejected" {
  command = plan

  variables {
    network      = "existing-vpc"
    existing_vpc = { vpc_id = "vpc-0123456789abcdef0", private_subnet_ids = ["subnet-0000000000000000a", "subnet-0000000000000000b"] }
    services     = { sum = { domain_name = "sum.example.com", zone_id = "Z0123456789EXAMPLE", internal = true } }
  }

  override_data {
    target = data.aws_subnet.existing
    values = { id = "subnet-0000000000000000a", vpc_id = "vpc-00000000", availability_zone = "us-east-1a", cidr_block = "10.20.0.0/24" }
  }

  expect_failures = [data.aws_subnet.existing]
}

run "subnets_of_one_zone_are_rejected" {
  command = plan

  variables {
    network      = "existing-vpc"
    existing_vpc = { vpc_id = "vpc-0123456789abcdef0", private_subnet_ids = ["subnet-0000000000000000a", "subnet-0000000000000000b"] }
    services     = { sum = { domain_name = "sum.example.com", zone_id = "Z0123456789EXAMPLE", internal = true } }
  }

  override_data {
    target = data.aws_subnet.existing
    values = { id = "subnet-0000000000000000a", vpc_id = "vpc-0123456789abcdef0", availability_zone = "us-east-1a", cidr_block = "10.20.0.0/24" }
  }

  expect_failures = [output.network]
}

run "vpc_without_dns_is_rejected" {
  command = plan

  variables {
    network      = "existing-vpc"
    existing_vpc = { vpc_id = "vpc-0123456789abcdef0", private_subnet_ids = ["subnet-0000000000000000a", "subnet-0000000000000000b"] }
    services     = { sum = { domain_name = "sum.example.com", zone_id = "Z0123456789EXAMPLE", internal = true } }
  }

  override_data {
    target = data.aws_vpc.existing
    values = { enable_dns_support = false }
  }

  override_data {
    target = data.aws_subnet.existing["subnet-0000000000000000a"]
    values = { vpc_id = "vpc-0123456789abcdef0", availability_zone = "us-east-1a", cidr_block = "10.20.0.0/24" }
  }

  override_data {
    target = data.aws_subnet.existing["subnet-0000000000000000b"]
    values = { vpc_id = "vpc-0123456789abcdef0", availability_zone = "us-east-1b", cidr_block = "10.20.1.0/24" }
  }

  expect_failures = [data.aws_vpc.existing]
}
