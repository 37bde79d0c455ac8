# Partial on purpose: bucket, key, region and KMS key come from `terraform -chdir=terraform/bootstrap output -raw backend`,
# so that no account's names stand in the repository. See docs/deploy.md.
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
