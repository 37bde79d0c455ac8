# Names and derived facts. ARNs are put together from names where AWS composes them from names: so a policy or a task
# definition is readable in the plan, before anything exists, and so the policy of a thing can be written before the thing.
locals {
  id      = "${var.name}-${var.environment}"
  private = var.network == "private"
  https   = !var.insecure_http

  tags = {
    application = var.name
    environment = var.environment
    managed-by  = "terraform"
  }

  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  arn = {
    account_root = "arn:${local.partition}:iam::${local.account}:root"
    boundary     = "arn:${local.partition}:iam::${local.account}:policy/${var.name}-workload"
    log_groups   = "arn:${local.partition}:logs:${var.region}:${local.account}:log-group"
    parameter    = "arn:${local.partition}:ssm:${var.region}:${local.account}:parameter${local.parameter_name}"
    ecs          = "arn:${local.partition}:ecs:${var.region}:${local.account}"
    # ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:… names the repository's account and region as well.
    repositories = distinct([for image in [var.api_image, var.nginx_image] :
      "arn:${local.partition}:ecr:${split(".", image)[3]}:${split(".", image)[0]}:repository/${regex("/([^@]+)@", image)[0]}"
    ])
  }

  # Ports of the contract: the same on a laptop, in compose and in the task.
  port = { api = 8080, nginx = 8081 }

  # The routes of the contract. The load balancer forwards these and answers 404 to everything else itself.
  # Health and readiness are among them: the contract lists them, they say nothing but a word, and a caller's own monitor needs them.
  public_paths = [local.operation, "/openapi.json", "/healthz", "/readyz"]

  # The route that does the work: what alarms, dashboard and saved queries watch.
  operation = "/sum"

  log_group_name = "/${var.name}/${var.environment}/service"
  parameter_name = "/${var.name}/${var.environment}/api-key"

  # Names of metric alarms that roll a deployment back: what the tasks do to callers, and nothing that a caller can cause.
  rollback_alarm_names = [aws_cloudwatch_metric_alarm.target_5xx.alarm_name, aws_cloudwatch_metric_alarm.latency_p99.alarm_name]
}
