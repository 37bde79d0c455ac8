# Two services in one plan, whose names prefix each other: `parcels` of contract/parcels, and `parcels-2`, which has the same document
# under another name. The environment stands still: what it gives is written here.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "api_image" {
  type = string
}

variable "nginx_image" {
  type = string
}

variable "other_api_image" {
  type = string
}

variable "api_key" {
  type      = string
  ephemeral = true
}

locals {
  document = jsondecode(file("${path.module}/../../../contract/parcels/openapi.json"))
  other    = merge(local.document, { x-service = merge(local.document["x-service"], { name = "parcels-2" }) })

  environment = {
    name                = "production"
    region              = "us-east-1"
    account             = "123456789012"
    partition           = "aws"
    boundary_arn        = "arn:aws:iam::123456789012:policy/parcels-workload"
    runbook_url         = "docs/runbook.md"
    log_retention_days  = 365
    deletion_protection = true
  }
  network = {
    private                     = true
    vpc_id                      = "vpc-own"
    balancer_subnet_ids         = ["subnet-public-a", "subnet-public-b"]
    balancer_subnet_cidrs       = ["10.42.0.0/20", "10.42.16.0/20"]
    task_subnet_ids             = ["subnet-private-a", "subnet-private-b"]
    endpoints_security_group_id = "sg-endpoints"
    s3_prefix_list_id           = "pl-s3"
  }
  cluster = { id = "arn:aws:ecs:us-east-1:123456789012:cluster/stack-production", name = "stack-production" }
  topics  = { page = "arn:aws:sns:us-east-1:123456789012:stack-production-page", notify = "arn:aws:sns:us-east-1:123456789012:stack-production-notify" }
  key     = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
}

module "parcels" {
  source   = "../../service"
  document = local.document

  api_image       = var.api_image
  nginx_image     = var.nginx_image
  api_key         = var.api_key
  certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"

  environment = local.environment
  network     = local.network
  cluster     = local.cluster
  kms_key_arn = local.key
  log_bucket  = "stack-logs"
  topics      = local.topics
}

module "other" {
  source   = "../../service"
  document = local.other

  api_image       = var.other_api_image
  nginx_image     = var.nginx_image
  api_key         = var.api_key
  certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"

  environment = local.environment
  network     = local.network
  cluster     = local.cluster
  kms_key_arn = local.key
  log_bucket  = "stack-logs"
  topics      = local.topics
}

output "needs" {
  value = { parcels = module.parcels.needs, other = module.other.needs }
}
