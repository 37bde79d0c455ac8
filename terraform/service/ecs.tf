# The ECS service. Rolling deployment: docs/decisions/0101-rolling-deployment.md.

resource "aws_ecs_service" "this" {
  # checkov:skip=CKV_AWS_333: tasks have a public address only with network = default-vpc, to reach ECR; they accept only the load balancer.
  name             = local.id
  cluster          = var.cluster.id
  task_definition  = aws_ecs_task_definition.this.arn
  desired_count    = var.scaling.min
  launch_type      = "FARGATE"
  platform_version = "LATEST"

  # A rolling deployment: the new tasks must be healthy before an old task stops.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  availability_zone_rebalancing      = "ENABLED"
  health_check_grace_period_seconds  = local.timing.grace_seconds
  wait_for_steady_state              = true

  enable_execute_command  = false # no shell in production by default: docs/deploy.md
  enable_ecs_managed_tags = true
  propagate_tags          = "SERVICE"

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  alarms {
    alarm_names = [for alarm in aws_cloudwatch_metric_alarm.rollback : alarm.alarm_name]
    enable      = true
    rollback    = true
  }

  network_configuration {
    subnets          = var.network.task_subnet_ids
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = !var.network.private
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.nginx.arn
    container_name   = local.nginx_container.name
    container_port   = local.port.sidecar
  }

  timeouts {
    create = "20m"
    update = "20m"
    delete = "20m"
  }

  lifecycle {
    ignore_changes = [desired_count] # autoscaling changes it

    # After a rollback, ECS reports a steady state. Terraform must not report success then.
    postcondition {
      condition     = self.task_definition == aws_ecs_task_definition.this.arn
      error_message = "ECS rolled the deployment back: the service does not run the task definition of this apply. Read the reasons of the stopped tasks and the events of the service; docs/deploy.md, section Rollback."
    }
  }

  # A deployment fails if a task starts before it can read its keys, write its logs and be reached. It needs the routes of its subnet
  # to reach S3, and the endpoints to reach the other AWS APIs.
  depends_on = [
    var.network_routes,
    var.network_endpoints,
    aws_cloudwatch_log_group.service,
    aws_iam_role_policy.execution,
    aws_iam_role_policy.execution_decrypt,
    aws_iam_role_policy.task,
    aws_iam_role_policy.task_decrypt,
    aws_lb_listener_rule.service,
    aws_ssm_parameter.api_key,
    aws_vpc_security_group_egress_rule.alb_to_tasks,
    aws_vpc_security_group_egress_rule.tasks_to_endpoints,
    aws_vpc_security_group_egress_rule.tasks_to_internet,
    aws_vpc_security_group_egress_rule.tasks_to_s3,
    aws_vpc_security_group_ingress_rule.endpoints_from_tasks,
    aws_vpc_security_group_ingress_rule.tasks_from_alb,
  ]
}
