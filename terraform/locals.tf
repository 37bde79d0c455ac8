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
}
