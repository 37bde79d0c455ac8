# Write-only arguments need Terraform 1.11. The upper bound is the next major version of the provider, which is not tested.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}
