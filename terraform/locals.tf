# Names and facts of the environment. ARNs are put together from names where AWS composes them from names: so a policy is readable
# in the plan, before anything exists, and so the policy of a thing can be written before the thing.
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

  # What every service gets from the environment. A part is apart when other resources of a service wait for it.
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
  log_bucket        = aws_s3_bucket_policy.logs.bucket # known when the load balancers may write to it
}
