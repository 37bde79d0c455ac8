# Names. ARNs are built from names where AWS does the same. So the plan shows complete policies and task definitions before the
# resources exist, and a policy can be created before its resource.
locals {
  id    = "${local.name}-${var.environment.name}"
  https = !var.insecure_http

  endpoints     = var.network.private && var.network.endpoints
  ingress_cidrs = var.ingress_cidrs != null ? var.ingress_cidrs : var.internal ? compact([var.network.vpc_cidr]) : ["0.0.0.0/0"]
  balancer = var.internal ? { subnet_ids = var.network.task_subnet_ids, subnet_cidrs = var.network.task_subnet_cidrs } : {
    subnet_ids = var.network.balancer_subnet_ids, subnet_cidrs = var.network.balancer_subnet_cidrs
  }

  region    = var.environment.region
  account   = var.environment.account
  partition = var.environment.partition
  arn = {
    log_groups = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group"
    parameter  = "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter${local.parameter_name}"
    ecs        = "arn:${local.partition}:ecs:${local.region}:${local.account}"

    undelivered_events = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.id}-undelivered-events"

    # ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:… also contains the account and the region of the repository.
    repositories = distinct([for image in concat([var.api_image, var.nginx_image], compact([for c in var.containers : c.image])) :
      "arn:${local.partition}:ecr:${split(".", image)[3]}:${split(".", image)[0]}:repository/${regex("/([^@]+)@", image)[0]}"
    ])
  }

  key_parameters = local.keyed ? [local.arn.parameter] : []
  log_streams    = "${local.arn.log_groups}:${local.log_group_name}:log-stream:*"

  log_group_name = "/${local.name}/${var.environment.name}/service"
  parameter_name = "/${local.name}/${var.environment.name}/api-key"
}
