# Names and values of the environment. ARNs are built from names where AWS does the same. So the plan shows complete policies
# before the resources exist, and a policy can be created before its resource.
locals {
  id      = "${var.name}-${var.environment}"
  private = var.network == "private"

  tags = {
    application = var.name
    environment = var.environment
    managed-by  = "terraform"
  }

  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  arn = {
    account_root = "arn:${local.partition}:iam::${local.account}:root"
    log_groups   = "arn:${local.partition}:logs:${var.region}:${local.account}:log-group"
  }

  # The values that every service gets from the environment. A value is separate if different resources of a service wait for it.
  environment = {
    name                = var.environment
    region              = var.region
    account             = local.account
    partition           = local.partition
    boundary_arn        = "arn:${local.partition}:iam::${local.account}:policy/${var.name}-workload-${var.environment}"
    runbook_url         = var.runbook_url
    log_retention_days  = var.log_retention_days
    deletion_protection = var.deletion_protection
  }
  network_endpoints = [for endpoint in aws_vpc_endpoint.interface : endpoint.id]
  log_bucket        = aws_s3_bucket_policy.logs.bucket # known after the load balancers are allowed to write to it
}
