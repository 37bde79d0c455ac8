# Write-only arguments and ephemeral variables need Terraform 1.11. They keep the API key out of the state and the plan. The upper
# bound is the next major version of the provider, which is not tested yet.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}
