# The allowed connections. Each rule is a separate resource, because inline rules of two groups that refer to each other form a cycle.
# DNS needs no rule, because security groups do not apply to the VPC's resolver.

resource "aws_security_group" "alb" {
  name        = "${local.id}-alb"
  description = "Load balancer: callers in, sidecars out."
  vpc_id      = var.network.vpc_id

  tags = { Name = "${local.id}-alb" }
}

resource "aws_security_group" "tasks" {
  name        = "${local.id}-tasks"
  description = "Tasks: the load balancer in, what they need of AWS out."
  vpc_id      = var.network.vpc_id

  tags = { Name = "${local.id}-tasks" }
}

resource "aws_vpc_security_group_ingress_rule" "alb_https" {
  for_each = local.https ? toset(local.ingress_cidrs) : toset([])

  security_group_id = aws_security_group.alb.id
  description       = "Callers, HTTPS."
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "alb_http" {
  for_each = toset(local.ingress_cidrs)

  # checkov:skip=CKV_AWS_260: port 80 redirects to HTTPS; it serves requests only if insecure_http is set.
  security_group_id = aws_security_group.alb.id
  description       = local.https ? "Callers, redirected to HTTPS." : "Callers, plain HTTP as insecure_http says."
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
}

resource "aws_vpc_security_group_egress_rule" "alb_to_tasks" {
  security_group_id            = aws_security_group.alb.id
  description                  = "Sidecars."
  referenced_security_group_id = aws_security_group.tasks.id
  ip_protocol                  = "tcp"
  from_port                    = local.port.sidecar
  to_port                      = local.port.sidecar
}

resource "aws_vpc_security_group_ingress_rule" "tasks_from_alb" {
  security_group_id            = aws_security_group.tasks.id
  description                  = "The load balancer, to the sidecar."
  referenced_security_group_id = aws_security_group.alb.id
  ip_protocol                  = "tcp"
  from_port                    = local.port.sidecar
  to_port                      = local.port.sidecar
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_tasks" {
  count = local.endpoints ? 1 : 0

  security_group_id            = var.network.endpoints_security_group_id
  description                  = "Tasks, to the AWS APIs."
  referenced_security_group_id = aws_security_group.tasks.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "tasks_to_endpoints" {
  count = local.endpoints ? 1 : 0

  security_group_id            = aws_security_group.tasks.id
  description                  = "ECR, logs and SSM through the endpoints."
  referenced_security_group_id = var.network.endpoints_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "tasks_to_s3" {
  count = local.endpoints ? 1 : 0

  security_group_id = aws_security_group.tasks.id
  description       = "Image layers through the S3 gateway."
  prefix_list_id    = var.network.s3_prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# The default VPC has no endpoints, and an existing VPC has endpoints or a gateway of its owner. ECR, SSM and CloudWatch Logs publish no
# prefix list. So the rule allows HTTPS to all addresses.
resource "aws_vpc_security_group_egress_rule" "tasks_to_internet" {
  count = local.endpoints ? 0 : 1

  security_group_id = aws_security_group.tasks.id
  description       = "ECR, logs and SSM, by the way that the VPC has."
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
