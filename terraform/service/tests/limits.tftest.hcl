# All inputs of a service with their maximum length at the same time. The resources must stay within the limits of AWS.

mock_provider "aws" {
  source          = "../tests/mocks"
  override_during = plan
}

variables {
  document = merge(jsondecode(file("../../services/sum/openapi.json")), { x-service = merge(jsondecode(file("../../services/sum/openapi.json"))["x-service"], {
    name       = "a234567890123456"
    objectives = { availability = 99.99, latency = { target = 99.9, within = "4999ms" }, window = "90d" }
  }) })
  environment = {
    name                = "e2345678901"
    region              = "xx-abcdefghijk-1"
    account             = "123456789012"
    partition           = "aws"
    boundary_arn        = "arn:aws:iam::123456789012:policy/a234567890123456-workload-e2345678901"
    runbook_url         = "https://example.com/runbook/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901"
    log_retention_days  = 3653
    deletion_protection = true
  }
  cluster       = { id = "arn:aws:ecs:xx-abcdefghijk-1:123456789012:cluster/a234567890123456-e2345678901", name = "a234567890123456-e2345678901" }
  api_image     = "123456789012.dkr.ecr.xx-abcdefghijk-1.amazonaws.com/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  nginx_image   = "123456789012.dkr.ecr.xx-abcdefghijk-1.amazonaws.com/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  domain_name   = "a-name-of-fifty-two-letters-and-digits-0123456789012.example.com"
  zone_id       = "Z0000000000000000000000000000000"
  enable_waf    = true
  rate_limit    = { rate = 10000, burst = 10000 }
  scaling       = { min = 100, max = 100, requests_per_target = 999999999 }
  ingress_cidrs = [for n in range(30) : "10.0.${n}.0/24"]
}

run "longest_inputs_fit" {
  command = plan

  assert {
    condition     = length(aws_lb.this.name) <= 32 && length(aws_lb_target_group.nginx.name) <= 32 && !startswith(aws_lb.this.name, "internal-")
    error_message = "A load balancer and a target group have names of at most 32 characters."
  }

  assert {
    condition     = alltrue([for r in [aws_iam_role.execution, aws_iam_role.task] : length(r.name) <= 64 && length(r.description) <= 1000 && length(r.assume_role_policy) <= 2048])
    error_message = "A role has a name of at most 64 characters, a description of 1,000 and a trust policy of 2,048."
  }

  assert {
    condition = length(aws_cloudwatch_metric_alarm.this) == 22 && length(aws_cloudwatch_metric_alarm.rollback) == 2 && alltrue([for a in concat(
      values(aws_cloudwatch_metric_alarm.this), values(aws_cloudwatch_metric_alarm.rollback), [aws_cloudwatch_metric_alarm.no_healthy_target], values(aws_cloudwatch_composite_alarm.slo)
    ) : length(a.alarm_name) <= 255 && length(a.alarm_description) <= 1024])
    error_message = "An alarm has a name of at most 255 characters and a description of 1,024."
  }

  assert {
    condition     = alltrue(flatten([for a in concat(values(aws_cloudwatch_metric_alarm.this), values(aws_cloudwatch_metric_alarm.rollback)) : [for q in a.metric_query : length(coalesce(q.expression, "-")) <= 2048]]))
    error_message = "An expression has at most 2,048 characters."
  }

  assert {
    condition     = alltrue([for a in values(aws_cloudwatch_composite_alarm.slo) : length(a.alarm_rule) <= 10240])
    error_message = "A composite alarm's rule has at most 10,240 characters."
  }

  assert {
    condition     = alltrue([for key, r in aws_cloudwatch_event_rule.this : length(r.name) <= 64 && length(r.description) <= 512 && length(aws_cloudwatch_event_target.this[key].input_transformer[0].input_template) <= 8192])
    error_message = "A rule of EventBridge has a name of at most 64 characters and a description of 512."
  }

  assert {
    condition     = length(aws_sqs_queue.undelivered_events.name) <= 80
    error_message = "A queue has a name of at most 80 characters."
  }

  assert {
    condition     = alltrue([for g in concat([aws_cloudwatch_log_group.service], aws_cloudwatch_log_group.waf) : length(g.name) <= 512 && can(regex("^[A-Za-z0-9._/#-]+$", g.name))])
    error_message = "A log group has a name of at most 512 characters."
  }

  assert {
    condition     = length(local.arn.parameter) <= 1011 && length(aws_ssm_parameter.api_key[0].description) <= 1024 && !can(regex("(?i)^/?(aws|ssm)", aws_ssm_parameter.api_key[0].name))
    error_message = "A parameter has at most 1,011 characters with its ARN, a description of 1,024, and a name that AWS does not reserve."
  }

  assert {
    condition     = alltrue([for g in [aws_security_group.alb, aws_security_group.tasks] : length(g.name) <= 255 && length(g.description) <= 255 && !startswith(g.name, "sg-")])
    error_message = "A security group has a name and a description of at most 255 characters, and its name does not begin with sg-."
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.alb_http) + length(aws_vpc_security_group_ingress_rule.alb_https) <= 60
    error_message = "A security group has at most 60 inbound rules."
  }

  assert {
    condition     = alltrue([for r in concat(values(aws_vpc_security_group_ingress_rule.alb_http), values(aws_vpc_security_group_ingress_rule.alb_https)) : can(regex("^[A-Za-z0-9. _:/()#,@+=&;{}!$*-]{0,255}$", r.description))])
    error_message = "The description of a rule has at most 255 characters that EC2 allows."
  }

  assert {
    condition = (
      length(aws_wafv2_web_acl.this[0].name) <= 128 && length(aws_wafv2_ip_set.blocked[0].name) <= 128
      && can(regex("^[\\w+=:#@/,.-][\\w+=:#@/,.\\s-]+[\\w+=:#@/,.-]$", aws_wafv2_web_acl.this[0].description)) && length(aws_wafv2_web_acl.this[0].description) <= 256
      && alltrue([for r in aws_wafv2_web_acl.this[0].rule : can(regex("^[\\w#:./-]{1,255}$", r.visibility_config[0].metric_name))])
      && alltrue([for b in aws_wafv2_web_acl.this[0].custom_response_body : length(b.content) <= 10240])
    )
    error_message = "WAF's names have at most 128 characters, a description 256, without brackets and quotes, a metric 255, a response 10,240."
  }

  assert {
    condition     = alltrue([for r in aws_wafv2_web_acl.this[0].rule : one(r.statement[0].rate_based_statement).limit >= 10 && one(r.statement[0].rate_based_statement).limit <= 2000000000 if length(r.statement[0].rate_based_statement) == 1])
    error_message = "WAF's rates are from 10 to 2,000,000,000."
  }

  assert {
    condition     = alltrue([for c in jsondecode(aws_ecs_task_definition.this.container_definitions) : length(c.image) <= 255])
    error_message = "An image's name has at most 255 characters."
  }

  assert {
    condition     = alltrue([for p in [aws_iam_role_policy.execution, aws_iam_role_policy.execution_decrypt[0], aws_iam_role_policy.task[0], aws_iam_role_policy.task_decrypt[0]] : length(p.policy) <= 10240])
    error_message = "The inline policies of a role have at most 10,240 characters."
  }

  assert {
    condition     = alltrue([for q in aws_cloudwatch_query_definition.this : length(q.name) <= 255 && length(q.query_string) <= 10000]) && length(aws_cloudwatch_dashboard.this.dashboard_name) <= 255
    error_message = "A saved query has a name of at most 255 characters and a text of 10,000; a dashboard a name of 255."
  }

  assert {
    condition     = length(aws_acm_certificate.this[0].domain_name) <= 64 && alltrue([for label in split(".", aws_acm_certificate.this[0].domain_name) : length(label) <= 63])
    error_message = "A certificate's name has at most 64 characters, and each of its labels 63."
  }

  assert {
    condition     = alltrue([for l in aws_lb_listener.https : length(l.default_action[0].fixed_response[0].message_body) <= 1024]) && alltrue([for rule in aws_lb_listener_rule.service : length(one(one(rule.condition).path_pattern).values) <= 5 && alltrue([for p in one(one(rule.condition).path_pattern).values : length(p) <= 128])])
    error_message = "A fixed response has at most 1,024 characters; a rule has five paths of at most 128."
  }

  assert {
    condition     = length(aws_ecs_service.this.name) <= 255 && length(aws_ecs_task_definition.this.family) <= 255 && length(aws_ecs_task_definition.this.container_definitions) <= 65536
    error_message = "ECS allows names of at most 255 characters and a task definition of 64 KiB."
  }
}
