# Two services in one environment, whose names prefix each other. `cargo xtask terraform test` runs this file in a copy of the root that has
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
  # Whether an address is confirmed is known after the apply only.
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
    error_message = "A service without images must make no resource."
  }

  assert {
    condition     = local.needs[*].id == tolist(["sum-api-production"]) && toset(keys(output.services)) == toset(["sum"])
    error_message = "The environment must allow and show the services that are switched on, and no others."
  }
}

run "both" {
  command = apply

  assert {
    condition     = local.needs[*].id == tolist(["sum-api-production", "sum-api-2-production"]) && toset(keys(output.services)) == toset(["sum", "other"])
    error_message = "Both services must be there."
  }

  assert {
    condition     = alltrue([for name in ["id", "log_groups", "log_streams", "parameters"] : length(setintersection(flatten([local.needs[0][name]]), flatten([local.needs[1][name]]))) == 0])
    error_message = "No service may write another's logs or read another's keys, however similar their names are."
  }

  assert {
    condition     = !anytrue([for name in flatten([local.needs[1].log_groups]) : startswith(name, local.needs[0].log_groups[0])])
    error_message = "What names the logs of one service must not name those of the other."
  }

  assert {
    condition     = output.services.sum.api_key_parameter == "/sum-api/production/api-key" && output.services.other.api_key_parameter == "/sum-api-2/production/api-key"
    error_message = "Each service must have keys of its own."
  }

  assert {
    condition     = alltrue([for need in local.needs : strcontains(aws_kms_key.this.policy, need.log_groups[0]) && alltrue([for topic in aws_sns_topic_policy.this : strcontains(topic.policy, ":alarm:${need.id}-*")])])
    error_message = "The key and the topics must admit both services."
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
