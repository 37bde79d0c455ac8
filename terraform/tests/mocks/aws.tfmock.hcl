# The values of the mocked provider: an account number from the AWS documentation, and ARNs that a check can recognise.

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws" }
}

mock_data "aws_vpc" {
  defaults = { id = "vpc-default", cidr_block = "172.31.0.0/16", enable_dns_support = true }
}

mock_data "aws_subnets" {
  defaults = { ids = ["subnet-b", "subnet-a"] }
}

mock_data "aws_subnet" {
  defaults = { id = "subnet-default", cidr_block = "172.31.0.0/20" }
}

mock_resource "aws_kms_key" {
  defaults = { arn = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000", key_id = "00000000-0000-0000-0000-000000000000" }
}

mock_resource "aws_vpc" {
  defaults = { id = "vpc-own" }
}

mock_resource "aws_vpc_endpoint" {
  defaults = { prefix_list_id = "pl-s3" }
}

mock_resource "aws_lb" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/sum-api-production/aaaaaaaaaaaaaaaa"
    arn_suffix = "app/sum-api-production/aaaaaaaaaaaaaaaa"
    dns_name   = "balancer.example.com"
    zone_id    = "ZALB"
  }
}

mock_resource "aws_lb_target_group" {
  defaults = {
    arn        = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/sum-api-production/bbbbbbbbbbbbbbbb"
    arn_suffix = "targetgroup/sum-api-production/bbbbbbbbbbbbbbbb"
  }
}

mock_resource "aws_lb_listener" {
  defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/sum-api-production/aaaaaaaaaaaaaaaa/cccccccccccccccc" }
}

mock_resource "aws_acm_certificate" {
  defaults = {
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    domain_validation_options = [{
      domain_name           = "sum.example.com"
      resource_record_name  = "_check.sum.example.com"
      resource_record_type  = "CNAME"
      resource_record_value = "_answer.acm-validations.aws"
    }]
  }
}

mock_resource "aws_acm_certificate_validation" {
  defaults = { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000" }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
}

mock_resource "aws_ecs_task_definition" {
  defaults = { arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/sum-api-production:1" }
}

mock_resource "aws_ecs_cluster" {
  defaults = { id = "arn:aws:ecs:us-east-1:123456789012:cluster/sum-api-production", arn = "arn:aws:ecs:us-east-1:123456789012:cluster/sum-api-production" }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:us-east-1:123456789012:mocked" }
}

mock_resource "aws_sns_topic_subscription" {
  defaults = { pending_confirmation = false }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:us-east-1:123456789012:sum-api-production-undelivered-events"
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/sum-api-production-undelivered-events"
  }
}

mock_resource "aws_route53_health_check" {
  defaults = { id = "00000000-1111-2222-3333-444444444444" }
}

mock_resource "aws_wafv2_web_acl" {
  defaults = { arn = "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/sum-api-production/00000000-0000-0000-0000-000000000000" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:mocked" }
}

mock_resource "aws_s3_bucket" {
  defaults = { arn = "arn:aws:s3:::mocked" }
}

mock_resource "aws_cloudwatch_metric_alarm" {
  defaults = { arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:mocked" }
}

mock_resource "aws_wafv2_ip_set" {
  defaults = { arn = "arn:aws:wafv2:us-east-1:123456789012:regional/ipset/sum-api-production-blocked/00000000-0000-0000-0000-000000000000" }
}
