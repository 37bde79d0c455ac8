# The load balancer: TLS ends here, known paths go to the sidecar, everything else is a fixed 404.

resource "aws_lb" "this" {
  # checkov:skip=CKV2_AWS_76: there is no Java here for Log4j to be in; and WAF is a variable.
  # checkov:skip=CKV2_AWS_28: WAF is a variable (enable_waf), off by default for its price; see docs/deploy.md.
  # checkov:skip=CKV2_AWS_20: redirects to HTTPS unless insecure_http is set, which check.plain_http warns of.
  name                       = local.id
  load_balancer_type         = "application"
  internal                   = var.internal
  security_groups            = [aws_security_group.alb.id]
  subnets                    = local.balancer.subnet_ids
  idle_timeout               = local.timing.alb_idle_seconds
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  xff_header_processing_mode = "append" # the sidecar reads the last address, the one the balancer saw
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

  # AWS rejects an internet-facing balancer in a VPC without an internet gateway (InvalidSubnet); with the route it is reachable as
  # soon as it exists. It also writes a test file when logging is switched on: `log_bucket` is known when its policy exists.
  depends_on = [var.network_routes]
}

resource "aws_lb_target_group" "nginx" {
  # checkov:skip=CKV_AWS_378: plain HTTP between balancer and sidecar, inside the VPC, admitted by security group only.
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
  # The contract's problem+json, as near as the balancer comes: it knows no such content type, and it cannot repeat a request id,
  # so the member is there and null.
  not_found_body = jsonencode({
    type       = "about:blank"
    title      = "Not Found"
    status     = 404
    detail     = "There is no such route. See /openapi.json."
    request_id = null
  })

  # Where the service is answered. The other listener, if any, redirects.
  service_listener_arn = local.https ? one(aws_lb_listener.https[*].arn) : aws_lb_listener.http.arn
}

resource "aws_lb_listener" "http" {
  # checkov:skip=CKV_AWS_2: redirects to HTTPS unless insecure_http is set.
  # checkov:skip=CKV_AWS_103: no TLS on port 80; the HTTPS listener pins its policy.
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

  # What the balancer itself tells about itself, on either listener.
  routing_http_response_server_enabled                      = false
  routing_http_response_x_content_type_options_header_value = "nosniff"
}

resource "aws_lb_listener" "https" {
  count = local.https ? 1 : 0

  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = local.certificate_arn
  # TLS 1.2 with forward secrecy and authenticated encryption only, and TLS 1.3. The 1.3-only policy locks out clients that are still about.
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

# A rule holds at most five values, and a value 128 characters. `*` matches slashes as well, so a rule forwards more than the document
# declares; the sidecar answers 404 to the rest. What stands behind a path's first parameter adds nothing to the pattern.
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
