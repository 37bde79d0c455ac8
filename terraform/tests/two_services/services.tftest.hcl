# Two services in one environment. The name of one is a prefix of the other. `cargo xtask terraform test` runs this file in a copy of the root with
# a second folder, `other`, with the document of contract/parcels under the name sum-api-2.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

variables {
  images = {
    sum = {
      api   = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/api@sha256:1111111111111111111111111111111111111111111111111111111111111111"
      nginx = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/nginx@sha256:2222222222222222222222222222222222222222222222222222222222222222"
    }
    other = {
      api   = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api-2/api@sha256:1111111111111111111111111111111111111111111111111111111111111111"
      nginx = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api-2/nginx@sha256:2222222222222222222222222222222222222222222222222222222222222222"
    }
  }
  services = {
    sum   = { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000" }
    other = { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000" }
  }
  # The confirmation of an address is known only after the apply.
  pager_connected = true
}

run "one_is_off" {
  command = plan

  variables {
    images = {
      sum = {
        api   = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/api@sha256:1111111111111111111111111111111111111111111111111111111111111111"
        nginx = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/nginx@sha256:2222222222222222222222222222222222222222222222222222222222222222"
      }
    }
  }

  assert {
    condition     = length(module.sum) == 1 && length(module.other) == 0
    error_message = "A service without images must have no resources."
  }

  assert {
    condition     = local.needs[*].id == tolist(["sum-api-production"]) && toset(keys(output.services)) == toset(["sum"])
    error_message = "The policies and the outputs of the environment must contain only the services with images."
  }
}

run "both" {
  command = apply

  assert {
    condition     = local.needs[*].id == tolist(["sum-api-production", "sum-api-2-production"]) && toset(keys(output.services)) == toset(["sum", "other"])
    error_message = "Both services must exist."
  }

  assert {
    condition     = alltrue([for name in ["id", "log_groups", "log_streams", "parameters"] : length(setintersection(flatten([local.needs[0][name]]), flatten([local.needs[1][name]]))) == 0])
    error_message = "No service must be able to write the logs or read the keys of another, even with a similar name."
  }

  assert {
    condition     = !anytrue([for name in flatten([local.needs[1].log_groups]) : startswith(name, local.needs[0].log_groups[0])])
    error_message = "The pattern of the logs of one service must not match the logs of the other."
  }

  assert {
    condition     = output.services.sum.api_key_parameter == "/sum-api/production/api-key" && output.services.other.api_key_parameter == "/sum-api-2/production/api-key"
    error_message = "Each service must have its own keys."
  }

  assert {
    condition     = alltrue([for need in local.needs : strcontains(aws_kms_key.this.policy, need.log_groups[0]) && alltrue([for topic in aws_sns_topic_policy.this : strcontains(topic.policy, ":alarm:${need.id}-*")])])
    error_message = "The key and the topics must allow both services."
  }
}

run "another_image" {
  command = plan

  variables {
    images = {
      sum = {
        api   = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/api@sha256:1111111111111111111111111111111111111111111111111111111111111111"
        nginx = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/nginx@sha256:2222222222222222222222222222222222222222222222222222222222222222"
      }
      other = {
        api   = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api-2/api@sha256:3333333333333333333333333333333333333333333333333333333333333333"
        nginx = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api-2/nginx@sha256:2222222222222222222222222222222222222222222222222222222222222222"
      }
    }
  }
}
