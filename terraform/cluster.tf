# The cluster of every service of this environment.

resource "aws_ecs_cluster" "this" {
  name = local.id

  setting {
    name  = "containerInsights"
    value = "enhanced"
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE"]

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }
}

locals {
  cluster = { id = aws_ecs_cluster.this.id, name = aws_ecs_cluster.this.name }
}
