# The values that every network gives to the services, and the cheapest network: the account's default VPC. There a task needs a
# public address to reach ECR. Only the load balancer can reach the task. docs/deploy.md lists the disadvantages.

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

  # The load balancer has a paid address in each of its zones. A region can have six zones.
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
  # Keys are the values of var.network.
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
    # The sidecar trusts X-Forwarded-For only from these ranges. They are sorted, because a new order must not start a deployment.
    balancer_subnet_cidrs       = sort([for s in local.chosen.balancer : s.cidr_block])
    task_subnet_cidrs           = sort([for s in local.chosen.tasks : s.cidr_block])
    endpoints_security_group_id = one(aws_security_group.endpoints[*].id)
    s3_prefix_list_id           = one(aws_vpc_endpoint.s3[*].prefix_list_id)
  }

  # The route from the internet, and the route of the tasks to S3.
  network_routes = concat(aws_route.internet[*].id, [for a in aws_route_table_association.private : a.id])
}
