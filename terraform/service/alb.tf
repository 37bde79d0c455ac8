# The load balancer. It terminates TLS, forwards the paths of the document to the sidecar, and answers 404 to all others.

resource "aws_lb" "this" {
  # checkov:skip=CKV2_AWS_76: the service uses no Java, so it has no Log4j; WAF is a variable.
  # checkov:skip=CKV2_AWS_28: WAF is a variable (enable_waf). It is off by default because of its price; see docs/deploy.md.
  # checkov:skip=CKV2_AWS_20: redirects to HTTPS unless insecure_http is set; check.plain_http warns about insecure_http.
  name                       = local.id
  load_balancer_type         = "application"
  internal                   = var.internal
  security_groups            = [aws_security_group.alb.id]
  subnets                    = local.balancer.subnet_ids
  idle_timeout               = local.timing.alb_idle_seconds
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  xff_header_processing_mode = "append" # the sidecar reads the last address, which the load balancer added
  enable_deletion_protection = var.environment.deletion_protection

  access_logs {
    bucket  = var.log_bucket
    prefix  = "access"
    enabled = true
  }

  connection_logs {
    bucket  = var.log_bucket
    prefix  = "connection"
    enabled = true
  }

  # AWS rejects an internet-facing load balancer in a VPC without an internet gateway (InvalidSubnet). With the route, the load balancer
  # is reachable when it exists. It writes a test file when logging is enabled. Therefore `log_bucket` is known only after the policy of
  # the bucket exists.
  depends_on = [var.network_routes]
}

resource "aws_lb_target_group" "nginx" {
  # checkov:skip=CKV_AWS_378: plain HTTP inside the VPC; the security group accepts only the load balancer.
  name                 = local.id
  vpc_id               = var.network.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = local.port.sidecar
  deregistration_delay = local.timing.deregistration_seconds

  health_check {
    path                = local.health_check_path
    port                = "traffic-port"
    protocol            = "HTTP"
    matcher             = "200"
    interval            = local.timing.target_check_interval_seconds
    timeout             = local.timing.target_check_timeout_seconds
    healthy_threshold   = local.timing.target_check_healthy
    unhealthy_threshold = local.timing.target_check_unhealthy
  }
}

locals {
  # Problem details, as in the contract, with two differences. The load balancer does not support the content type
  # application/problem+json. It cannot insert a request id, so the member is null.
  not_found_body = jsonencode({
    type       = "about:blank"
    title      = "Not Found"
    status     = 404
    detail     = "There is no such route. See /openapi.json."
    request_id = null
  })

  # The listener that serves requests. The other listener, if there is one, redirects.
  service_listener_arn = local.https ? one(aws_lb_listener.https[*].arn) : aws_lb_listener.http.arn
}

resource "aws_lb_listener" "http" {
  # checkov:skip=CKV_AWS_2: redirects to HTTPS unless insecure_http is set.
  # checkov:skip=CKV_AWS_103: port 80 has no TLS; the HTTPS listener sets its TLS policy.
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  dynamic "default_action" {
    for_each = local.https ? [true] : []

    content {
      type = "redirect"

      redirect {
        protocol    = "HTTPS"
        port        = "443"
        status_code = "HTTP_301"
      }
    }
  }

  dynamic "default_action" {
    for_each = local.https ? [] : [true]

    content {
      type = "fixed-response"

      fixed_response {
        content_type = "application/json"
        status_code  = "404"
        message_body = local.not_found_body
      }
    }
  }

  # Headers that the load balancer removes from or adds to every response, on both listeners.
  routing_http_response_server_enabled                      = false
  routing_http_response_x_content_type_options_header_value = "nosniff"
}

resource "aws_lb_listener" "https" {
  count = local.https ? 1 : 0

  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = local.certificate_arn
  # TLS 1.3, and TLS 1.2 only with forward secrecy and authenticated encryption. Some clients in use do not support a policy with only
  # TLS 1.3.
  ssl_policy = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "application/json"
      status_code  = "404"
      message_body = local.not_found_body
    }
  }

  routing_http_response_server_enabled                         = false
  routing_http_response_x_content_type_options_header_value    = "nosniff"
  routing_http_response_strict_transport_security_header_value = "max-age=31536000"
}

# A rule has at most five values, and a value at most 128 characters. `*` also matches slashes, so a rule forwards more paths than the
# document declares. The sidecar answers 404 to these. A pattern ends at the first parameter of a path.
locals {
  path_patterns = distinct([for path in keys(var.document.paths) : replace(replace(path, "/\\{.*/", "*"), "/^(.{127}).{2,}$/", "$1*")])
}

resource "aws_lb_listener_rule" "service" {
  for_each = { for number, patterns in chunklist(local.path_patterns, 5) : 10 + number => patterns }

  listener_arn = local.service_listener_arn
  priority     = each.key

  condition {
    path_pattern {
      values = each.value
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.nginx.arn
  }
}
