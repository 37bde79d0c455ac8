# A partial configuration, as in the root. In an empty account the bucket does not exist yet. `make aws-bootstrap` begins with a local
# state (backend_override.tf) and moves it into the bucket.
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
