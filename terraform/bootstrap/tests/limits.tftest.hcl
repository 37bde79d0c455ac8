# All inputs with their maximum length at the same time. The resources must stay within the limits of AWS.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:xx-abcdefghijk-1:123456789012:key/00000000-0000-0000-0000-000000000000", key_id = "00000000-0000-0000-0000-000000000000" }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::123456789012:policy/a234567890123456-mocked" }
  }

  mock_resource "aws_ecr_repository" {
    defaults = { arn = "arn:aws:ecr:xx-abcdefghijk-1:123456789012:repository/a234567890123456/mocked" }
  }
}

variables {
  name                = "a234567890123456"
  region              = "xx-abcdefghijk-1"
  repository          = "ooooooooooooooooooooooooooooooooooooooo/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
  repository_id       = "99999999999999999999"
  repository_owner_id = "99999999999999999999"
  branch              = "bbbbbbbbbbbbbbbbbbbb"
  zone_id             = "Z0000000000000000000000000000000"
  environments        = ["production", "e2345678901"]
}

run "longest_inputs_fit" {
  command = plan

  assert {
    condition     = length(aws_s3_bucket.state.bucket) <= 63
    error_message = "A bucket has a name of at most 63 characters."
  }

  assert {
    condition     = alltrue([for r in concat(values(aws_iam_role.github), [aws_iam_role.on_call]) : length(r.name) <= 64 && length(r.description) <= 1000 && length(r.assume_role_policy) <= 2048])
    error_message = "A role has a name of at most 64 characters, a description of 1,000 and a trust policy of 2,048."
  }

  assert {
    condition     = alltrue([for p in concat(values(aws_iam_policy.write), values(aws_iam_policy.read_environment), values(aws_iam_policy.workload), [aws_iam_policy.read, aws_iam_policy.on_call, aws_iam_policy.keys]) : length(p.name) <= 128 && length(p.description) <= 1000 && length(p.policy) <= 6144])
    error_message = "A managed policy has a name of at most 128 characters, a description of 1,000 and a text of 6,144."
  }

  assert {
    condition     = alltrue([for p in concat(values(aws_iam_role_policy.state), aws_iam_role_policy.publish) : length(p.policy) <= 10240])
    error_message = "The inline policies of a role have at most 10,240 characters."
  }

  assert {
    condition     = alltrue([for r in aws_ecr_repository.this : length(r.name) <= 256]) && length(aws_kms_alias.this.name) <= 256
    error_message = "A repository and an alias have names of at most 256 characters."
  }

  assert {
    condition     = alltrue([for role in keys(local.github_roles) : length([for key in keys(local.attachments) : key if startswith(key, "${role} ")]) <= 10])
    error_message = "A role has at most 10 managed policies."
  }
}

run "too_long_trust_policy_is_rejected" {
  command = plan

  variables {
    branch = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
  }

  expect_failures = [aws_iam_role.github]
}
