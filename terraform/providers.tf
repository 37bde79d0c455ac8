provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}

# Route 53 reports the results of its health checks only to this region (outside_probe.tf).
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"

  default_tags {
    tags = local.tags
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}
