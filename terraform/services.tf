# The services, one block for each. A block takes the service's document, what a person decides about the service, and what the
# environment gives every service.

locals {
  # What the services need of the environment: its policies name exactly this. A service that can be switched off has `count` in its
  # block, and here `var.NAME == null ? [] : [module.NAME[0].needs]`. (`module.NAME[*]` would wait for the whole service, in a circle.)
  needs = [module.sum.needs]

  environment = {
    name                = var.environment
    region              = var.region
    account             = local.account
    partition           = local.partition
    boundary_arn        = "arn:${local.partition}:iam::${local.account}:policy/${var.name}-workload"
    runbook_url         = var.runbook_url
    log_retention_days  = var.log_retention_days
    deletion_protection = var.deletion_protection
  }
}

module "sum" {
  source   = "./service"
  document = jsondecode(file("${path.module}/../services/sum/openapi.json"))

  api_image        = var.api_image
  nginx_image      = var.nginx_image
  cpu_architecture = var.cpu_architecture
  task_size        = var.task_size
  scaling          = var.scaling
  api_key          = var.api_key
  api_key_version  = var.api_key_version
  rate_limit       = var.rate_limit

  ingress_cidrs   = var.ingress_cidrs
  certificate_arn = var.certificate_arn
  domain_name     = var.domain_name
  zone_id         = var.zone_id
  insecure_http   = var.insecure_http

  enable_waf        = var.enable_waf
  waf_blocked_cidrs = var.waf_blocked_cidrs
  waf_common_rules  = var.waf_common_rules
  slo_floor         = var.slo_floor

  environment       = local.environment
  network           = local.network
  network_routes    = local.network_routes
  network_endpoints = [for endpoint in aws_vpc_endpoint.interface : endpoint.id]
  cluster           = local.cluster
  kms_key_arn       = aws_kms_key.this.arn
  log_bucket        = aws_s3_bucket_policy.logs.bucket # known when the load balancer may write to it
  topics            = local.topic_arns
}
