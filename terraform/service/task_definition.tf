# The task: nginx, the API behind it on loopback, and the containers of var.containers. `make rehearse` runs this task definition.

locals {
  # Defaults of all containers, which run with a read-only root filesystem and without privileges. Below, each also gets a user that is
  # not root, no capabilities, and an init process that reaps processes and forwards signals.
  container_defaults = {
    essential              = true
    readonlyRootFilesystem = true
    privileged             = false
    stopTimeout            = local.timing.container_stop_seconds
    # Each connection needs a file descriptor on each side. Newer platform versions have these values as their default.
    ulimits = [{ name = "nofile", softLimit = 65535, hardLimit = 65535 }]
  }

  health_check_defaults = {
    interval    = local.timing.container_check_interval_seconds
    timeout     = local.timing.container_check_timeout_seconds
    retries     = local.timing.container_check_retries
    startPeriod = local.timing.container_check_start_seconds
  }

  # One stream prefix for each container.
  log_configuration = { for name in concat(["api", "nginx"], [for container in var.containers : container.name]) : name => {
    logDriver = "awslogs"
    options = {
      awslogs-group         = local.log_group_name
      awslogs-region        = local.region
      awslogs-stream-prefix = name
      # If CloudWatch Logs fails, log lines are lost. In blocking mode, the service would stop instead.
      mode            = "non-blocking"
      max-buffer-size = "25m"
    }
  } }

  # Only for a service with keys.
  key_environment = { for name, value in { REQUIRE_API_KEY = "true" } : name => value if local.keyed }

  # RATE_LIMIT sets both limits. So it is set only if the operator sets it, or if both limits of the document are equal.
  rate_limit = var.rate_limit != null ? var.rate_limit : local.limits.client == local.limits.address ? local.limits.client : null

  api_environment = merge(var.settings, local.key_environment, { for name, value in { API_KEY_PARAMETER = local.parameter_name } : name => value if local.keyed }, {
    LISTEN             = "127.0.0.1:${local.port.api}"
    LOG_FORMAT         = "json"
    AWS_REGION         = local.region
    KEEP_ALIVE_TIMEOUT = "${local.timing.api_keep_alive_seconds}s"
    BODY_TIMEOUT       = "${local.timing.api_body_seconds}s"
    DRAIN_GRACE        = "${local.timing.api_drain_grace_seconds}s"
    DRAIN_TIMEOUT      = "${local.timing.api_drain_seconds}s"
  })

  nginx_environment = merge(local.key_environment, {
    LISTEN                     = "0.0.0.0:${local.port.sidecar}"
    API_ADDRESS                = "127.0.0.1:${local.port.api}"
    TRUSTED_PROXIES            = join(",", local.balancer.subnet_cidrs)
    RUNTIME_DIR                = "/run/sidecar"
    UPSTREAM_KEEPALIVE_TIMEOUT = "${local.timing.nginx_upstream_keepalive_seconds}s"
    METRICS_NAMESPACE          = local.metrics_namespace
    SERVICE_NAME               = local.id
    }, {
    for name, value in { RATE_LIMIT = try(local.rate_limit.rate, null), RATE_LIMIT_BURST = try(local.rate_limit.burst, null) } : name => tostring(value) if value != null
    }, {
    for limits in [var.rate_limits] : "RATE_LIMITS" => join(",", [for name, limit in limits : "${name}=${limit.rate}:${limit.burst}"]) if length(limits) > 0
  })

  # Lists of names and values, as in ECS. They are sorted, so that a different order does not start a deployment.
  environment = { for name, environment in merge(
    { api = local.api_environment, nginx = local.nginx_environment },
    { for container in var.containers : container.name => merge(container.settings, { LOG_FORMAT = "json", AWS_REGION = local.region }) },
  ) : name => [for variable in sort(keys(environment)) : { name = variable, value = environment[variable] }] }
  secrets = { for name, secrets in merge(
    { api = var.secrets },
    { for container in var.containers : container.name => container.secrets },
  ) : name => [for variable in sort(keys(secrets)) : { name = variable, valueFrom = secrets[variable] }] }

  # The containers except the sidecar. The member `secrets` is omitted if it is empty.
  api_containers = [for container in concat(
    [{ name = "api", image = var.api_image, health_command = local.api_health_command, command = null, essential = true }],
    [for container in var.containers : {
      name = container.name, image = coalesce(container.image, var.api_image), health_command = container.health_command, command = container.command, essential = container.essential
    }],
    ) : merge(
    local.container_defaults,
    {
      name             = container.name
      image            = container.image
      essential        = container.essential
      user             = "65532:65532"
      environment      = local.environment[container.name]
      linuxParameters  = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
      logConfiguration = local.log_configuration[container.name]
    },
    { for member, value in { command = container.command } : member => value if value != null },
    { for member, command in { healthCheck = container.health_command } : member => merge(local.health_check_defaults, { command = command }) if command != null },
    { for member, value in { secrets = local.secrets[container.name] } : member => value if length(value) > 0 },
  )]

  nginx_container = merge(local.container_defaults, {
    name        = "nginx"
    image       = var.nginx_image
    user        = "101:101"
    environment = local.environment["nginx"]
    healthCheck = merge(local.health_check_defaults, { command = local.nginx_health_command })
    portMappings = [{
      name          = "http"
      containerPort = local.port.sidecar
      hostPort      = local.port.sidecar
      protocol      = "tcp"
    }]
    # nginx starts after the API is healthy. So ECS stops nginx before the API, and nginx can finish its requests.
    dependsOn = [{ containerName = "api", condition = "HEALTHY" }]
    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
      # The rendered configuration contains the keys, so it is in memory only. Every user can write to the directory, as to /tmp. The
      # sidecar creates the configuration with mode 0600. The ECS API lists `uid` and `gid` but does not document their values. If
      # Fargate ignores them, a directory with mode 0700 belongs to root and no task starts.
      tmpfs = [{
        containerPath = local.nginx_environment.RUNTIME_DIR
        size          = 64
        mountOptions  = ["rw", "noexec", "nosuid", "nodev", "mode=1777"]
      }]
    }
    logConfiguration = local.log_configuration["nginx"]
    }, {
    for member, parameters in { secrets = local.key_parameters } : member => [{ name = "API_KEY", valueFrom = parameters[0] }] if local.keyed
  })

  # Health checks without a shell. They are the same as HEALTHCHECK in the Dockerfile, which ECS does not read.
  api_health_command   = ["CMD", "/service", "healthcheck"]
  nginx_health_command = ["CMD", "/sidecar", "healthcheck"]
}

resource "aws_ecs_task_definition" "this" {
  # checkov:skip=CKV_AWS_336: all containers have read-only root filesystems; checkov does not read locals. tests/task_definition.tftest.hcl asserts it.
  family                   = local.id
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.task_size.cpu
  memory                   = var.task_size.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode([for container in concat(local.api_containers, [local.nginx_container]) : container])

  # Keeps the old revision registered. Otherwise Terraform deregisters it before it updates the service. A later rollback could not
  # use it, because ECS does not update a service to a deregistered revision.
  skip_destroy = true

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }
}
