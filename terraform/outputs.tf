# What a person needs next, and what scripts read.

output "url" {
  description = "Where callers reach the service."
  value       = module.sum.url
}

output "alb" {
  description = "Load balancer: DNS name, and the suffixes that CloudWatch takes as dimensions."
  value       = module.sum.alb
}

output "service" {
  description = "ECS names."
  value       = module.sum.service
}

output "log_group" {
  description = "Log group of the containers; streams start with api/ and nginx/."
  value       = module.sum.log_group
}

output "log_bucket" {
  description = "Bucket with the load balancers' logs, and the VPC's refused packets."
  value       = aws_s3_bucket.logs.id
}

output "api_key_parameter" {
  description = "SSM parameter that holds the keys."
  value       = module.sum.api_key_parameter
}

output "kms_key_arn" {
  description = "Key of the parameters, the logs and the alarm messages."
  value       = aws_kms_key.this.arn
}

output "dashboard_url" {
  description = "The service on one page."
  value       = module.sum.dashboard_url
}

output "commands" {
  description = "Ready to paste."
  value       = module.sum.commands
}
