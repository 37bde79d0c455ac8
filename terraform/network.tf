# The private network. The public subnets contain only the load balancer. The private subnets have no route to the internet.
# They contain the tasks and the endpoints through which the tasks reach AWS. There is no NAT: docs/decisions/0102-endpoints-instead-of-nat.md.

resource "aws_vpc" "this" {
  count = local.private ? 1 : 0

  cidr_block           = var.vpc_cidr
  enable_dns_hostnames = true # private DNS of the endpoints
  enable_dns_support   = true

  tags = { Name = local.id }
}

# By default, this security group allows all traffic between its members. Without rules, a resource that gets it by mistake
# has no traffic.
resource "aws_default_security_group" "closed" {
  count = local.private ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = { Name = "${local.id}-closed" }
}

resource "aws_internet_gateway" "this" {
  count = local.private ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = { Name = local.id }
}

resource "aws_subnet" "public" {
  for_each = local.private ? toset(var.zones) : toset([])

  vpc_id                  = aws_vpc.this[0].id
  availability_zone       = "${var.region}${each.key}"
  cidr_block              = cidrsubnet(var.vpc_cidr, 4, index(var.zones, each.key))
  map_public_ip_on_launch = false # the load balancer gets its own addresses

  tags = { Name = "${local.id}-public-${each.key}" }
}

resource "aws_subnet" "private" {
  for_each = local.private ? toset(var.zones) : toset([])

  vpc_id            = aws_vpc.this[0].id
  availability_zone = "${var.region}${each.key}"
  cidr_block        = cidrsubnet(var.vpc_cidr, 4, 8 + index(var.zones, each.key))

  tags = { Name = "${local.id}-private-${each.key}" }
}

resource "aws_route_table" "public" {
  count = local.private ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = { Name = "${local.id}-public" }
}

resource "aws_route" "internet" {
  count = local.private ? 1 : 0

  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  route_table_id = aws_route_table.public[0].id
  subnet_id      = each.value.id
}

# One table for all private subnets. It has only the local route and the route to the S3 gateway.
resource "aws_route_table" "private" {
  count = local.private ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = { Name = "${local.id}-private" }
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  route_table_id = aws_route_table.private[0].id
  subnet_id      = each.value.id
}

# Only refused packets: the security groups already list every allowed path.
resource "aws_flow_log" "rejected" {
  count = local.private ? 1 : 0

  vpc_id               = aws_vpc.this[0].id
  traffic_type         = "REJECT"
  log_destination_type = "s3"
  log_destination      = aws_s3_bucket.logs.arn

  tags = { Name = "${local.id}-rejected" }

  depends_on = [aws_s3_bucket_policy.logs]
}
