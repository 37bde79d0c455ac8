# One task, two containers: nginx in front, the API behind it on loopback. What is written here is what `make rehearse` runs.

locals {
  # Both containers: no root, no capabilities, nothing to write to, an init process that reaps and passes signals on.
  container_defaults = {
    essential              = true
    readonlyRootFilesystem = true
    privileged             = false
    stopTimeout            = local.timing.container_stop_seconds
    # Said aloud although newer platform versions give as much: a thousand connections need a thousand descriptors on each side.
    ulimits = [{ name = "nofile", softLimit = 65535, hardLimit = 65535 }]
  }

  health_check_defaults = {
    interval    = local.timing.container_check_interval_seconds
    timeout     = local.timing.container_check_timeout_seconds
    retries     = local.timing.container_check_retries
    startPeriod = local.timing.container_check_start_seconds
  }

  log_configuration = { for name in ["api", "nginx"] : name => {
    logDriver = "awslogs"
    options = {
      awslogs-group         = local.log_group_name
      awslogs-region        = var.region
      awslogs-stream-prefix = name
      # A log that cannot be delivered is lost; a service that waits for its log is down.
      mode            = "non-blocking"
      max-buffer-size = "25m"
    }
  } }

  api_environment = {
    LISTEN             = "127.0.0.1:${local.port.api}"
    LOG_FORMAT         = "json"
    REQUIRE_API_KEY    = "true"
    API_KEY_PARAMETER  = local.parameter_name
    API_KEY_VERSION    = tostring(var.api_key_version) # read by nobody: a new version is a new task definition, hence new tasks
    AWS_REGION         = var.region
    KEEP_ALIVE_TIMEOUT = "${local.timing.api_keep_alive_seconds}s"
    BODY_TIMEOUT       = "${local.timing.api_body_seconds}s"
    DRAIN_GRACE        = "${local.timing.api_drain_grace_seconds}s"
    DRAIN_TIMEOUT      = "${local.timing.api_drain_seconds}s"
  }

  nginx_environment = {
    LISTEN                     = "0.0.0.0:${local.port.nginx}"
    API_ADDRESS                = "127.0.0.1:${local.port.api}"
    REQUIRE_API_KEY            = "true"
    API_KEY_VERSION            = tostring(var.api_key_version)
    RATE_LIMIT                 = tostring(var.rate_limit.rate)
    RATE_LIMIT_BURST           = tostring(var.rate_limit.burst)
    TRUSTED_PROXIES            = join(",", local.alb_subnet_cidrs)
    RUNTIME_DIR                = "/run/sidecar"
    UPSTREAM_KEEPALIVE_TIMEOUT = "${local.timing.nginx_upstream_keepalive_seconds}s"
    METRICS_NAMESPACE          = local.metrics_namespace
    SERVICE_NAME               = local.id
  }

  api_container = merge(local.container_defaults, {
    name             = "api"
    image            = var.api_image
    user             = "65532:65532"
    environment      = [for name in sort(keys(local.api_environment)) : { name = name, value = local.api_environment[name] }]
    healthCheck      = merge(local.health_check_defaults, { command = local.api_health_command })
    linuxParameters  = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    logConfiguration = local.log_configuration["api"]
  })

  nginx_container = merge(local.container_defaults, {
    name        = "nginx"
    image       = var.nginx_image
    user        = "101:101"
    environment = [for name in sort(keys(local.nginx_environment)) : { name = name, value = local.nginx_environment[name] }]
    secrets     = [{ name = "API_KEY", valueFrom = local.arn.parameter }]
    healthCheck = merge(local.health_check_defaults, { command = local.nginx_health_command })
    portMappings = [{
      name          = "http"
      containerPort = local.port.nginx
      hostPort      = local.port.nginx
      protocol      = "tcp"
    }]
    # Starts when the API is healthy; hence stops before it, and passes on what it still holds.
    dependsOn = [{ containerName = "api", condition = "HEALTHY" }]
    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
      # The rendered configuration holds the keys, so it stays in memory. The directory is writable for every user, as /tmp is, and
      # the sidecar creates the configuration with mode 0600. The ECS API lists `uid` and `gid` without saying how to give a
      # value. If Fargate ignored them, a directory with mode 0700 would belong to root and no task would start.
      tmpfs = [{
        containerPath = local.nginx_environment.RUNTIME_DIR
        size          = 64
        mountOptions  = ["rw", "noexec", "nosuid", "nodev", "mode=1777"]
      }]
    }
    logConfiguration = local.log_configuration["nginx"]
  })

  # Both images answer without a shell: the same commands as HEALTHCHECK in their Dockerfiles, which ECS does not read.
  api_health_command   = ["CMD", "/sum-api", "healthcheck"]
  nginx_health_command = ["CMD", "/sidecar", "healthcheck"]
}

resource "aws_ecs_task_definition" "this" {
  # checkov:skip=CKV_AWS_336: both containers have read-only root filesystems; checkov does not read locals. tests/task_definition.tftest.hcl asserts it.
  family                   = local.id
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.task_size.cpu
  memory                   = var.task_size.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode([local.api_container, local.nginx_container])

  # Keeps the old revision registered. Otherwise Terraform deregisters it before it updates the service, and ECS updates no service
  # to a deregistered revision, so a later rollback could not use it.
  skip_destroy = true

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }
}
