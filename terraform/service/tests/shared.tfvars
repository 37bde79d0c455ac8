# The default inputs of the tests in this folder: `terraform test -var-file=tests/shared.tfvars`.

api_image   = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/api@sha256:1111111111111111111111111111111111111111111111111111111111111111"
nginx_image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/nginx@sha256:2222222222222222222222222222222222222222222222222222222222222222"
domain_name = "sum.example.com"
zone_id     = "Z0123456789EXAMPLE"

environment = {
  name                = "production"
  region              = "us-east-1"
  account             = "123456789012"
  partition           = "aws"
  boundary_arn        = "arn:aws:iam::123456789012:policy/sum-api-workload-production"
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

cluster     = { id = "arn:aws:ecs:us-east-1:123456789012:cluster/sum-api-production", name = "sum-api-production" }
kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
log_bucket  = "sum-api-production-logs-123456789012-us-east-1"
topics      = { page = "arn:aws:sns:us-east-1:123456789012:sum-api-production-page", notify = "arn:aws:sns:us-east-1:123456789012:sum-api-production-notify" }
