# Outputs for people and scripts, and the values that the environment's policies need.

output "needs" {
  description = "Names and ARNs for the environment's policies. They are known before the resources exist."
  value = {
    id           = local.id
    log_groups   = local.log_group_names
    log_streams  = local.log_streams
    parameters   = concat(local.key_parameters, local.secret_arns)
    repositories = local.arn.repositories
  }
}

output "probe" {
  description = "Target of the Route 53 health check: the host, and the path of the readiness probe without the query of the load balancer. Null without outside_probe."
  value       = var.outside_probe ? { host = var.domain_name, path = local.operations[local.readiness].path } : null
}

output "internal" {
  description = "True if the service cannot be reached from the internet."
  value       = var.internal
}

output "platform" {
  description = "Platform of the images in Docker's notation, from cpu_architecture."
  value       = { X86_64 = "linux/amd64", ARM64 = "linux/arm64" }[var.cpu_architecture]
}

output "url" {
  description = "URL of the service."
  value       = local.url
}

output "alb" {
  description = "Load balancer: DNS name, and the ARN suffixes that are dimensions in CloudWatch."
  value = {
    dns_name            = aws_lb.this.dns_name
    arn_suffix          = aws_lb.this.arn_suffix
    target_group_suffix = aws_lb_target_group.nginx.arn_suffix
  }
}

output "service" {
  description = "ECS names."
  value = {
    cluster         = var.cluster.name
    service         = aws_ecs_service.this.name
    task_definition = aws_ecs_task_definition.this.arn
  }
}

output "log_group" {
  description = "Log group of all containers; streams start with api/ and nginx/."
  value       = aws_cloudwatch_log_group.service.name
}

output "api_key_parameter" {
  description = "SSM parameter that contains the keys. Null for a service without keys."
  value       = one(aws_ssm_parameter.api_key[*].name)
}

output "dashboard_url" {
  description = "URL of the dashboard of the service."
  value       = "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.this.dashboard_name}"
}

locals {
  url = "${local.https ? "https" : "http"}://${coalesce(var.domain_name, aws_lb.this.dns_name)}"

  # The first operation, in the order of the paths, that has an example of its JSON request body.
  example = one(slice([for operation in local.examples : operation], 0, min(1, length(local.examples))))
  examples = flatten([for path, item in var.document.paths : [for method in ["patch", "post", "put"] : {
    method = upper(method)
    path   = path
    body   = jsonencode(values(item[method].requestBody.content["application/json"].examples)[0].value)
  } if can(item[method].requestBody.content["application/json"].examples) && !strcontains(path, "{")]])
}

output "commands" {
  description = "Commands to paste into a shell."
  value = merge({ for name, example in { call = local.example } : name =>
    "curl -sS -X ${example.method} -H 'content-type: application/json' ${local.keyed ? "-H \"x-api-key: $API_KEY\" " : ""}-d '${example.body}' ${local.url}${example.path}" if example != null }, {
    logs     = "aws logs tail ${aws_cloudwatch_log_group.service.name} --since 10m --follow --region ${local.region}"
    status   = "aws ecs describe-services --cluster ${var.cluster.name} --services ${local.id} --region ${local.region} --query 'services[0].{running:runningCount,desired:desiredCount,deployments:deployments[*].[status,rolloutState,taskDefinition],events:events[:5].message}'"
    targets  = "aws elbv2 describe-target-health --target-group-arn ${aws_lb_target_group.nginx.arn} --region ${local.region} --query 'TargetHealthDescriptions[*].[Target.Id,TargetHealth.State,TargetHealth.Reason]' --output text"
    redeploy = "aws ecs update-service --cluster ${var.cluster.name} --service ${local.id} --force-new-deployment --region ${local.region}"
  })
}
