provider "aws" {
  region = var.region

  default_tags {
    tags = {
      application = var.name
      environment = "shared"
      managed-by  = "terraform/bootstrap"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  here      = "${var.region}:${local.account}"

  boundary_arn = { for environment in var.environments : environment => "arn:${local.partition}:iam::${local.account}:policy/${var.name}-workload-${environment}" }
  account_root = "arn:${local.partition}:iam::${local.account}:root"
  bucket       = "${var.name}-state-${local.account}-${var.region}"
  bucket_arn   = "arn:${local.partition}:s3:::${local.bucket}"
}
