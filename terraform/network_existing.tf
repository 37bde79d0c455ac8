# A VPC of another owner. Its subnets, routes and endpoints belong to this owner. The stack makes only security groups in it. The
# tasks have no public address. The owner must give them a route to ECR, S3, CloudWatch Logs and SSM: a NAT gateway, a transit
# gateway, or endpoints in the VPC.

locals {
  existing = var.existing_vpc == null ? { vpc_id = "", private_subnet_ids = [], public_subnet_ids = [] } : var.existing_vpc
}

data "aws_vpc" "existing" {
  count = var.network == "existing-vpc" ? 1 : 0

  id = local.existing.vpc_id

  lifecycle {
    postcondition {
      condition     = self.enable_dns_support
      error_message = "existing_vpc: DNS resolution is off in ${self.id}. Without it no task finds ECR. Ask its owner to switch it on (enableDnsSupport)."
    }
  }
}

data "aws_subnet" "existing" {
  for_each = var.network == "existing-vpc" ? toset(concat(local.existing.private_subnet_ids, local.existing.public_subnet_ids)) : toset([])

  id = each.key

  lifecycle {
    postcondition {
      condition     = self.vpc_id == local.existing.vpc_id
      error_message = "existing_vpc: the subnet ${self.id} is in ${self.vpc_id}, not in ${local.existing.vpc_id}."
    }
  }
}

# A load balancer needs at least two zones and accepts one subnet per zone. With one zone, the loss of the zone is an outage.
output "network" {
  description = "Network of the services."
  value = {
    vpc_id              = local.network.vpc_id
    balancer_subnet_ids = local.network.balancer_subnet_ids
    task_subnet_ids     = local.network.task_subnet_ids
  }

  precondition {
    condition     = var.network != "existing-vpc" || length(distinct([for id in local.existing.private_subnet_ids : data.aws_subnet.existing[id].availability_zone])) >= 2
    error_message = "existing_vpc.private_subnet_ids must be in at least two availability zones."
  }

  precondition {
    condition = alltrue([for ids in [local.existing.private_subnet_ids, local.existing.public_subnet_ids] :
      length(distinct([for id in ids : data.aws_subnet.existing[id].availability_zone])) == length(ids) if var.network == "existing-vpc"
    ])
    error_message = "existing_vpc: private_subnet_ids and public_subnet_ids must each contain only one subnet per zone, because a load balancer accepts only one."
  }
}
