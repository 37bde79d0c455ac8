# What every network gives the services, and the cheap one: the account's default VPC, where a task has a public address because
# nothing else leads it to ECR. Only the load balancer may come in. See docs/deploy.md for what that gives up.

data "aws_vpc" "default" {
  count = var.network == "default-vpc" ? 1 : 0

  default = true
}

data "aws_subnets" "default" {
  count = var.network == "default-vpc" ? 1 : 0

  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default[0].id]
  }

  filter {
    name   = "default-for-az"
    values = ["true"]
  }

  # The balancer pays for an address in every zone it stands in; a region may have six.
  filter {
    name   = "availability-zone"
    values = [for zone in var.zones : "${var.region}${zone}"]
  }
}

data "aws_subnet" "default" {
  for_each = var.network == "default-vpc" ? toset(data.aws_subnets.default[0].ids) : toset([])

  id = each.key
}

locals {
  # By the value of var.network.
  networks = {
    private = {
      vpc_id   = one(aws_vpc.this[*].id)
      vpc_cidr = var.vpc_cidr
      balancer = values(aws_subnet.public)
      tasks    = values(aws_subnet.private)
    }
    existing-vpc = {
      vpc_id   = one(data.aws_vpc.existing[*].id)
      vpc_cidr = one(data.aws_vpc.existing[*].cidr_block)
      balancer = [for id in local.existing.public_subnet_ids : data.aws_subnet.existing[id] if var.network == "existing-vpc"]
      tasks    = [for id in local.existing.private_subnet_ids : data.aws_subnet.existing[id] if var.network == "existing-vpc"]
    }
    default-vpc = {
      vpc_id   = one(data.aws_vpc.default[*].id)
      vpc_cidr = one(data.aws_vpc.default[*].cidr_block)
      balancer = values(data.aws_subnet.default)
      tasks    = values(data.aws_subnet.default)
    }
  }
  chosen = local.networks[var.network]

  network = {
    private             = var.network != "default-vpc"
    endpoints           = local.private
    vpc_id              = local.chosen.vpc_id
    vpc_cidr            = local.chosen.vpc_cidr
    balancer_subnet_ids = tolist([for s in local.chosen.balancer : s.id])
    task_subnet_ids     = tolist([for s in local.chosen.tasks : s.id])
    # The sidecar believes X-Forwarded-For from these ranges only. Sorted: a set's order must not start a deployment.
    balancer_subnet_cidrs       = sort([for s in local.chosen.balancer : s.cidr_block])
    task_subnet_cidrs           = sort([for s in local.chosen.tasks : s.cidr_block])
    endpoints_security_group_id = one(aws_security_group.endpoints[*].id)
    s3_prefix_list_id           = one(aws_vpc_endpoint.s3[*].prefix_list_id)
  }

  # The way from the internet, and the tasks' way to S3.
  network_routes = concat(aws_route.internet[*].id, [for a in aws_route_table_association.private : a.id])
}
