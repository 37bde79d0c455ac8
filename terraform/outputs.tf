# What a person needs next, and what alarms and dashboards are built from.

output "url" {
  description = "Where callers reach the service."
  value       = "${local.https ? "https" : "http"}://${coalesce(var.domain_name, aws_lb.this.dns_name)}"
}

output "alb" {
  description = "Load balancer: DNS name, and the suffixes that CloudWatch takes as dimensions."
  value = {
    dns_name            = aws_lb.this.dns_name
    arn_suffix          = aws_lb.this.arn_suffix
    target_group_suffix = aws_lb_target_group.nginx.arn_suffix
  }
}

output "service" {
  description = "ECS names."
  value = {
    cluster         = aws_ecs_cluster.this.name
    service         = aws_ecs_service.this.name
    task_definition = aws_ecs_task_definition.this.arn
  }
}

output "log_group" {
  description = "Log group of both containers; streams start with api/ and nginx/."
  value       = aws_cloudwatch_log_group.service.name
}

output "log_bucket" {
  description = "Bucket with the load balancer's logs, and the VPC's refused packets."
  value       = aws_s3_bucket.logs.id
}

output "api_key_parameter" {
  description = "SSM parameter that holds the keys."
  value       = aws_ssm_parameter.api_key.name
}

output "kms_key_arn" {
  description = "Key of the parameter, the logs and the alarm messages."
  value       = aws_kms_key.this.arn
}

output "commands" {
  description = "Ready to paste."
  value = {
    call     = "curl -sS -X POST -H 'content-type: application/json' -H \"x-api-key: $API_KEY\" -d '{\"a\":2,\"b\":40}' ${local.https ? "https" : "http"}://${coalesce(var.domain_name, aws_lb.this.dns_name)}${local.operation}"
    logs     = "aws logs tail ${aws_cloudwatch_log_group.service.name} --since 10m --follow --region ${var.region}"
    status   = "aws ecs describe-services --cluster ${aws_ecs_cluster.this.name} --services ${local.id} --region ${var.region} --query 'services[0].{running:runningCount,desired:desiredCount,deployments:deployments[*].[status,rolloutState,taskDefinition],events:events[:5].message}'"
    targets  = "aws elbv2 describe-target-health --target-group-arn ${aws_lb_target_group.nginx.arn} --region ${var.region} --query 'TargetHealthDescriptions[*].[Target.Id,TargetHealth.State,TargetHealth.Reason]' --output text"
    redeploy = "aws ecs update-service --cluster ${aws_ecs_cluster.this.name} --service ${local.id} --force-new-deployment --region ${var.region}"
  }
}
