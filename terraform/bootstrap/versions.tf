# Write-only arguments and ephemeral variables need Terraform 1.11: with them the API key reaches SSM and
# stays out of state and plan. The upper bound is the next major version of the provider that nobody has read yet.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}
