# The order that the timing budget must keep, and that every figure reaches the resource that it is for.

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
    error_message = "The load balancer must close an idle connection before nginx does: else it sends on one that is being closed, and answers 502."
  }

  assert {
    condition     = local.timing.nginx_upstream_keepalive_seconds < local.timing.api_keep_alive_seconds
    error_message = "nginx must drop an idle connection to the API before the API does: a POST sent on it would be lost, and it is not sent twice."
  }

  assert {
    condition     = local.timing.api_body_seconds < local.timing.nginx_client_body_seconds
    error_message = "The API's body deadline must come first, so that the 408 is the API's."
  }

  assert {
    condition     = local.timing.api_body_seconds < local.timing.nginx_proxy_read_seconds
    error_message = "The API must answer its 408 before nginx gives it up with 504."
  }

  assert {
    condition = (
      local.timing.nginx_client_header_seconds + local.timing.nginx_client_body_seconds
      + local.timing.nginx_proxy_connect_seconds + local.timing.nginx_proxy_read_seconds
    ) < local.timing.alb_idle_seconds
    error_message = "nginx must have answered, be it 504, before the load balancer gives nginx up."
  }

  assert {
    condition     = local.timing.api_drain_grace_seconds < local.timing.api_drain_seconds
    error_message = "The API's grace is a part of its drain."
  }

  assert {
    condition     = max(local.timing.api_drain_seconds, local.timing.nginx_shutdown_seconds) < local.timing.container_stop_seconds
    error_message = "Both containers must have drained before ECS kills them."
  }

  assert {
    condition     = local.timing.container_stop_seconds <= 120
    error_message = "Fargate caps stopTimeout at 120 seconds."
  }

  assert {
    condition = (
      local.timing.nginx_client_header_seconds + local.timing.nginx_client_body_seconds
      + local.timing.nginx_proxy_connect_seconds + local.timing.nginx_proxy_read_seconds
    ) < local.timing.deregistration_seconds
    error_message = "The longest request must end while its target is still draining."
  }

  assert {
    condition     = local.timing.container_stop_seconds <= local.timing.deregistration_seconds
    error_message = "The load balancer must have let a target go for as long as a container may take to stop."
  }

  assert {
    condition     = local.timing.container_check_timeout_seconds < local.timing.container_check_interval_seconds && local.timing.target_check_timeout_seconds < local.timing.target_check_interval_seconds
    error_message = "A health check must end before the next begins."
  }

  assert {
    condition     = 2 < local.timing.container_check_timeout_seconds
    error_message = "Both health checks give up after 2 seconds by themselves; ECS must wait for their word."
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
    error_message = "A target that reports draining must be out of the rotation before it is gone."
  }

  assert {
    condition     = aws_lb.this.idle_timeout == local.timing.alb_idle_seconds
    error_message = "The load balancer's idle timeout is not the budget's."
  }

  assert {
    condition     = tonumber(aws_lb_target_group.nginx.deregistration_delay) == local.timing.deregistration_seconds
    error_message = "The deregistration delay is not the budget's."
  }

  assert {
    condition = (
      aws_lb_target_group.nginx.health_check[0].interval == local.timing.target_check_interval_seconds
      && aws_lb_target_group.nginx.health_check[0].timeout == local.timing.target_check_timeout_seconds
      && aws_lb_target_group.nginx.health_check[0].healthy_threshold == local.timing.target_check_healthy
      && aws_lb_target_group.nginx.health_check[0].unhealthy_threshold == local.timing.target_check_unhealthy
    )
    error_message = "The target group's health check is not the budget's."
  }

  assert {
    condition     = aws_ecs_service.this.health_check_grace_period_seconds == local.timing.grace_seconds
    error_message = "The grace period is not the budget's."
  }

  assert {
    condition = alltrue([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) :
      c.stopTimeout == local.timing.container_stop_seconds
      && c.healthCheck.interval == local.timing.container_check_interval_seconds
      && c.healthCheck.timeout == local.timing.container_check_timeout_seconds
      && c.healthCheck.retries == local.timing.container_check_retries
      && c.healthCheck.startPeriod == local.timing.container_check_start_seconds
    ])
    error_message = "A container's stop timeout or health check is not the budget's."
  }

  assert {
    condition = alltrue([for name, seconds in {
      KEEP_ALIVE_TIMEOUT         = local.timing.api_keep_alive_seconds
      BODY_TIMEOUT               = local.timing.api_body_seconds
      DRAIN_GRACE                = local.timing.api_drain_grace_seconds
      DRAIN_TIMEOUT              = local.timing.api_drain_seconds
      UPSTREAM_KEEPALIVE_TIMEOUT = local.timing.nginx_upstream_keepalive_seconds
    } : contains(flatten([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : [for e in c.environment : "${e.name}=${e.value}"]]), "${name}=${seconds}s")])
    error_message = "A timeout in a container's environment is not the budget's."
  }
}
