# Two environments in one account. `cargo xtask terraform test` plans both runs and compares the names of their resources. If a name
# is in both plans, one apply cannot create the resource, or takes it from the other environment.

mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

# Route 53's region.
mock_provider "aws" {
  alias           = "us_east_1"
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  monthly_budget_usd = 150
  services           = { sum = { domain_name = "sum.example.com", zone_id = "Z0123456789EXAMPLE", enable_waf = true, outside_probe = true } }
}

run "production" {
  command = plan
}

run "staging" {
  command = plan

  # A different domain, and so a different record.
  override_resource {
    target          = module.sum[0].aws_acm_certificate.this
    override_during = plan
    values = {
      arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-1111-1111-1111-111111111111"
      domain_validation_options = [{
        domain_name           = "sum.staging.example.com"
        resource_record_name  = "_check.sum.staging.example.com"
        resource_record_type  = "CNAME"
        resource_record_value = "_answer.acm-validations.aws"
      }]
    }
  }

  variables {
    environment = "staging"
    services    = { sum = { domain_name = "sum.staging.example.com", zone_id = "Z0123456789EXAMPLE", enable_waf = true, outside_probe = true } }
  }
}
