# The order of the timing budget, and the use of every value in its resource.

mock_provider "aws" {
  source          = "../tests/mocks"
  override_during = plan
}

variables {
  document = jsondecode(file("../../services/sum/openapi.json"))
}

run "budget" {
  command = plan

  assert {
    condition     = local.timing.alb_idle_seconds < local.timing.nginx_client_keepalive_seconds
    error_message = "The load balancer must close an idle connection before nginx does. Otherwise it sends on a closing connection and answers 502."
  }

  assert {
    condition     = local.timing.nginx_upstream_keepalive_seconds < local.timing.api_keep_alive_seconds
    error_message = "nginx must close an idle connection to the API before the API does. Otherwise a POST can be lost, because nginx does not retry it."
  }

  assert {
    condition     = local.timing.api_body_seconds < local.timing.nginx_client_body_seconds
    error_message = "The API's body deadline must be shorter than nginx's, so that the API sends the 408."
  }

  assert {
    condition     = local.timing.api_body_seconds < local.timing.nginx_proxy_read_seconds
    error_message = "The API must send its 408 before nginx answers 504."
  }

  assert {
    condition = (
      local.timing.nginx_client_header_seconds + local.timing.nginx_client_body_seconds
      + local.timing.nginx_proxy_connect_seconds + local.timing.nginx_proxy_read_seconds
    ) < local.timing.alb_idle_seconds
    error_message = "nginx must answer, at least with 504, before the load balancer stops waiting for it."
  }

  assert {
    condition     = local.timing.api_drain_grace_seconds < local.timing.api_drain_seconds
    error_message = "The API's drain grace must be shorter than its drain timeout."
  }

  assert {
    condition     = max(local.timing.api_drain_seconds, local.timing.nginx_shutdown_seconds) < local.timing.container_stop_seconds
    error_message = "Both containers must finish their drain before ECS kills them."
  }

  assert {
    condition     = local.timing.container_stop_seconds <= 120
    error_message = "stopTimeout must be at most 120 seconds, the limit of Fargate."
  }

  assert {
    condition = (
      local.timing.nginx_client_header_seconds + local.timing.nginx_client_body_seconds
      + local.timing.nginx_proxy_connect_seconds + local.timing.nginx_proxy_read_seconds
    ) < local.timing.deregistration_seconds
    error_message = "The longest request must end while the load balancer drains its target."
  }

  assert {
    condition     = local.timing.container_stop_seconds <= local.timing.deregistration_seconds
    error_message = "The deregistration delay must be at least as long as the stop of a container."
  }

  assert {
    condition     = local.timing.container_check_timeout_seconds < local.timing.container_check_interval_seconds && local.timing.target_check_timeout_seconds < local.timing.target_check_interval_seconds
    error_message = "A health check must end before the next one begins."
  }

  assert {
    condition     = 2 < local.timing.container_check_timeout_seconds
    error_message = "Both health checks time out after 2 seconds. ECS must wait longer for their result."
  }

  assert {
    condition = (
      local.timing.container_check_start_seconds + 2 * local.timing.container_check_interval_seconds
      + local.timing.target_check_interval_seconds * local.timing.target_check_healthy
    ) < local.timing.grace_seconds
    error_message = "A task that starts normally must be healthy before the grace period ends."
  }

  assert {
    condition     = local.timing.target_check_interval_seconds * local.timing.target_check_unhealthy <= local.timing.deregistration_seconds
    error_message = "The load balancer must remove a draining target before its container stops."
  }

  assert {
    condition     = aws_lb.this.idle_timeout == local.timing.alb_idle_seconds
    error_message = "The load balancer's idle timeout must be that of the budget."
  }

  assert {
    condition     = tonumber(aws_lb_target_group.nginx.deregistration_delay) == local.timing.deregistration_seconds
    error_message = "The deregistration delay must be that of the budget."
  }

  assert {
    condition = (
      aws_lb_target_group.nginx.health_check[0].interval == local.timing.target_check_interval_seconds
      && aws_lb_target_group.nginx.health_check[0].timeout == local.timing.target_check_timeout_seconds
      && aws_lb_target_group.nginx.health_check[0].healthy_threshold == local.timing.target_check_healthy
      && aws_lb_target_group.nginx.health_check[0].unhealthy_threshold == local.timing.target_check_unhealthy
    )
    error_message = "The target group's health check must be that of the budget."
  }

  assert {
    condition     = aws_ecs_service.this.health_check_grace_period_seconds == local.timing.grace_seconds
    error_message = "The grace period must be that of the budget."
  }

  assert {
    condition = alltrue([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) :
      c.stopTimeout == local.timing.container_stop_seconds
      && c.healthCheck.interval == local.timing.container_check_interval_seconds
      && c.healthCheck.timeout == local.timing.container_check_timeout_seconds
      && c.healthCheck.retries == local.timing.container_check_retries
      && c.healthCheck.startPeriod == local.timing.container_check_start_seconds
    ])
    error_message = "A container's stop timeout and health check must be those of the budget."
  }

  assert {
    condition = alltrue([for name, seconds in {
      KEEP_ALIVE_TIMEOUT         = local.timing.api_keep_alive_seconds
      BODY_TIMEOUT               = local.timing.api_body_seconds
      DRAIN_GRACE                = local.timing.api_drain_grace_seconds
      DRAIN_TIMEOUT              = local.timing.api_drain_seconds
      UPSTREAM_KEEPALIVE_TIMEOUT = local.timing.nginx_upstream_keepalive_seconds
    } : contains(flatten([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : [for e in c.environment : "${e.name}=${e.value}"]]), "${name}=${seconds}s")])
    error_message = "The timeouts in a container's environment must be those of the budget."
  }
}
