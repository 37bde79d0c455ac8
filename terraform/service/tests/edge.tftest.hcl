# The load balancer: routes, redirects, rejected requests and response headers. And WAF.

mock_provider "aws" {
  source          = "../tests/mocks"
  override_during = plan
}

variables {
  document = jsondecode(file("../../services/sum/openapi.json"))
}

run "https" {
  command = plan

  assert {
    condition     = length(aws_lb_listener.https) == 1 && aws_lb_listener.https[0].port == 443 && aws_lb_listener.https[0].protocol == "HTTPS" && aws_lb_listener.https[0].ssl_policy == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    error_message = "HTTPS must be served with TLS 1.2 or 1.3 and the pinned policy."
  }

  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "redirect" && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS" && aws_lb_listener.http.default_action[0].redirect[0].status_code == "HTTP_301"
    error_message = "Plain HTTP must be redirected to HTTPS."
  }

  assert {
    condition     = aws_lb_listener.https[0].routing_http_response_strict_transport_security_header_value == "max-age=31536000"
    error_message = "HTTPS responses must have an HSTS header for one year."
  }

  assert {
    condition     = !aws_lb_listener.https[0].routing_http_response_server_enabled && !aws_lb_listener.http.routing_http_response_server_enabled
    error_message = "No listener must send a Server header."
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.alb_https) == 1
    error_message = "Port 443 must be open to callers."
  }

  assert {
    condition     = output.url == "https://sum.example.com"
    error_message = "The url must be HTTPS with the domain name."
  }

  assert {
    condition     = aws_acm_certificate.this[0].domain_name == "sum.example.com" && aws_acm_certificate.this[0].validation_method == "DNS"
    error_message = "The certificate must be for the domain and validated by DNS."
  }

  assert {
    condition     = aws_lb_listener.https[0].certificate_arn == aws_acm_certificate_validation.this[0].certificate_arn
    error_message = "The listener must wait for the certificate to be issued."
  }

  assert {
    condition     = aws_route53_record.service[0].name == "sum.example.com" && aws_route53_record.service[0].alias[0].name == aws_lb.this.dns_name
    error_message = "The domain must be an alias of the load balancer."
  }

  assert {
    condition     = { for priority, rule in aws_lb_listener_rule.service : priority => one(one(rule.condition).path_pattern).values } == { "10" = toset(["/sum", "/openapi.json", "/healthz", "/readyz"]) }
    error_message = "The load balancer must forward only the routes of the document."
  }

  assert {
    condition     = aws_lb_listener_rule.service["10"].action[0].type == "forward" && aws_lb_listener_rule.service["10"].action[0].target_group_arn == aws_lb_target_group.nginx.arn
    error_message = "The routes must forward to the sidecar."
  }

  assert {
    condition = (
      aws_lb_listener.https[0].default_action[0].type == "fixed-response"
      && aws_lb_listener.https[0].default_action[0].fixed_response[0].status_code == "404"
      && aws_lb_listener.https[0].default_action[0].fixed_response[0].content_type == "application/json"
      && toset(keys(jsondecode(aws_lb_listener.https[0].default_action[0].fixed_response[0].message_body))) == toset(["detail", "request_id", "status", "title", "type"])
    )
    error_message = "Unknown paths must get a 404 in the format of the contract."
  }

  assert {
    condition     = aws_lb_target_group.nginx.port == 8081 && aws_lb_target_group.nginx.target_type == "ip" && aws_lb_target_group.nginx.health_check[0].path == "/readyz" && aws_lb_target_group.nginx.health_check[0].matcher == "200"
    error_message = "The target must be the sidecar. It must be healthy if the API behind it is ready."
  }

  assert {
    condition     = one(aws_ecs_service.this.load_balancer).container_name == "nginx" && one(aws_ecs_service.this.load_balancer).container_port == 8081
    error_message = "The service must register nginx, not the API."
  }

  assert {
    condition     = aws_lb.this.drop_invalid_header_fields && aws_lb.this.desync_mitigation_mode == "strictest" && aws_lb.this.xff_header_processing_mode == "append"
    error_message = "The load balancer must drop invalid headers, reject ambiguous requests and append the caller's address."
  }

  assert {
    condition     = aws_lb.this.enable_deletion_protection
    error_message = "The deletion protection of the load balancer must be that of the environment."
  }

  assert {
    condition     = aws_lb.this.access_logs[0].enabled && aws_lb.this.connection_logs[0].enabled
    error_message = "The load balancer must log requests and connections."
  }

  assert {
    condition     = length(aws_wafv2_web_acl.this) == 0 && !contains(keys(aws_cloudwatch_metric_alarm.this), "waf-blocked")
    error_message = "WAF must be off by default, because it costs money."
  }
}

run "uses_given_certificate" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
    zone_id         = null
  }

  assert {
    condition     = aws_lb_listener.https[0].certificate_arn == var.certificate_arn
    error_message = "The listener must use the given certificate."
  }

  assert {
    condition     = length(aws_acm_certificate.this) == 0 && length(aws_route53_record.service) == 0
    error_message = "With certificate_arn, Terraform must create no certificate and no records."
  }
}

run "plain_http" {
  command = plan

  variables {
    insecure_http = true
    domain_name   = null
    zone_id       = null
  }

  # The check only warns.
  expect_failures = [check.plain_http]

  assert {
    condition     = length(aws_lb_listener.https) == 0 && length(aws_vpc_security_group_ingress_rule.alb_https) == 0
    error_message = "With insecure_http, there must be no listener on port 443."
  }

  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "fixed-response" && aws_lb_listener.http.default_action[0].fixed_response[0].status_code == "404"
    error_message = "With insecure_http, the HTTP listener must serve requests and answer 404 to unknown paths."
  }

  assert {
    condition     = output.url == "http://balancer.example.com"
    error_message = "The url must be plain HTTP with the DNS name of the load balancer."
  }
}

run "waf" {
  command = plan

  variables {
    enable_waf = true
  }

  assert {
    condition     = { for r in aws_wafv2_web_acl.this[0].rule : r.name => r.priority } == { blocked = 0, no-key = 5, rate = 10, common = 20 } && aws_wafv2_web_acl_association.alb[0].resource_arn == aws_lb.this.arn
    error_message = "The load balancer must have WAF with four rules, blocked addresses first."
  }

  assert {
    condition     = !aws_wafv2_web_acl.this[0].visibility_config[0].sampled_requests_enabled && !anytrue([for r in aws_wafv2_web_acl.this[0].rule : r.visibility_config[0].sampled_requests_enabled])
    error_message = "WAF must not sample requests: a sample shows every header, also the keys."
  }

  assert {
    condition     = alltrue([for r in aws_wafv2_web_acl.this[0].rule : length(r.override_action[0].count) == 1 && length(r.override_action[0].none) == 0 if r.name == "common"])
    error_message = "The common rules must only count by default."
  }

  assert {
    condition     = alltrue([for r in aws_wafv2_web_acl.this[0].rule : one(r.statement[0].rate_based_statement).limit < 100 && length(one(r.statement[0].rate_based_statement).scope_down_statement) == 1 if r.name == "no-key"])
    error_message = "WAF must block 100 requests per minute without a key."
  }

  assert {
    condition     = length(aws_wafv2_ip_set.blocked[0].addresses) == 0
    error_message = "WAF must block no address by default."
  }

  assert {
    condition     = one(one([for r in aws_wafv2_web_acl.this[0].rule : r if r.name == "rate"]).statement[0].rate_based_statement).limit == 3600
    error_message = "The rate rule must allow twice the limit of one client over all tasks."
  }

  assert {
    condition     = aws_wafv2_web_acl_logging_configuration.this[0].redacted_fields[0].single_header[0].name == "x-api-key"
    error_message = "WAF's log must not contain keys."
  }

  assert {
    condition = (
      { for q in aws_cloudwatch_metric_alarm.this["waf-blocked"].metric_query : q.id => join(" ", [for name in ["Region", "WebACL", "Rule"] : one(q.metric).dimensions[name]]) if length(q.metric) > 0 } == {
        allowed = "us-east-1 ${aws_wafv2_web_acl.this[0].visibility_config[0].metric_name} ALL"
        refused = "us-east-1 ${aws_wafv2_web_acl.this[0].visibility_config[0].metric_name} ALL"
        listed  = "us-east-1 ${aws_wafv2_web_acl.this[0].visibility_config[0].metric_name} ${one([for r in aws_wafv2_web_acl.this[0].rule : r if r.name == "blocked"]).visibility_config[0].metric_name}"
      } && aws_cloudwatch_metric_alarm.this["waf-blocked"].alarm_actions == toset([var.topics["notify"]])
    )
    error_message = "The alarm on blocked requests must not count the addresses of waf_blocked_cidrs. It must watch this web ACL and notify the topic notify."
  }

  assert {
    condition     = strcontains(aws_cloudwatch_metric_alarm.this["waf-blocked"].alarm_description, " --log-group-name ${aws_cloudwatch_log_group.waf[0].name} ")
    error_message = "The first command of the alarm must read WAF's log."
  }
}

run "waf_blocks_addresses" {
  command = plan

  variables {
    enable_waf        = true
    waf_blocked_cidrs = ["192.0.2.7/32", "198.51.100.0/24"]
    waf_common_rules  = "block"
  }

  assert {
    condition     = aws_wafv2_ip_set.blocked[0].addresses == toset(["192.0.2.7/32", "198.51.100.0/24"]) && alltrue([for r in aws_wafv2_web_acl.this[0].rule : length(one(r.action).block) == 1 && one(r.statement[0].ip_set_reference_statement).arn == aws_wafv2_ip_set.blocked[0].arn if r.name == "blocked"])
    error_message = "WAF must block the given address and network at any request rate."
  }

  assert {
    condition     = alltrue([for r in aws_wafv2_web_acl.this[0].rule : length(r.override_action[0].none) == 1 if r.name == "common"])
    error_message = "The common rules must block requests with waf_common_rules = block."
  }
}
