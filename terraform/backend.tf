# A partial configuration. The bucket, key, region and KMS key come from `terraform -chdir=terraform/bootstrap output -raw
# backend`, so that the repository contains no names of an account. See docs/deploy.md.
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
