# What stands on either network, and the cheap one: the account's default VPC, where a task has a public address because
# nothing else leads it to ECR. Only the load balancer may come in. See docs/deploy.md for what that gives up.

data "aws_vpc" "default" {
  count = local.private ? 0 : 1

  default = true
}

data "aws_subnets" "default" {
  count = local.private ? 0 : 1

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
  for_each = local.private ? toset([]) : toset(data.aws_subnets.default[0].ids)

  id = each.key
}

locals {
  network = {
    private             = local.private
    vpc_id              = local.private ? one(aws_vpc.this[*].id) : one(data.aws_vpc.default[*].id)
    balancer_subnet_ids = local.private ? [for s in aws_subnet.public : s.id] : [for s in data.aws_subnet.default : s.id]
    # The sidecar believes X-Forwarded-For from these ranges only. Sorted: a set's order must not start a deployment.
    balancer_subnet_cidrs       = sort(local.private ? [for s in aws_subnet.public : s.cidr_block] : [for s in data.aws_subnet.default : s.cidr_block])
    task_subnet_ids             = local.private ? [for s in aws_subnet.private : s.id] : [for s in data.aws_subnet.default : s.id]
    endpoints_security_group_id = one(aws_security_group.endpoints[*].id)
    s3_prefix_list_id           = one(aws_vpc_endpoint.s3[*].prefix_list_id)
  }

  # The way from the internet, and the tasks' way to S3.
  network_routes = concat(aws_route.internet[*].id, [for a in aws_route_table_association.private : a.id])
}
