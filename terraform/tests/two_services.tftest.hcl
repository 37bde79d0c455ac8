# Two services side by side. `scripts/terraform.sh test` also reads the plan of the run `another_image`: it must change one service.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "both" {
  command = apply

  module {
    source = "./tests/two_services"
  }

  variables {
    other_api_image = var.api_image
  }

  assert {
    condition = alltrue([for name in ["id", "log_groups", "log_streams", "parameters"] :
      length(setintersection(flatten([output.needs.parcels[name]]), flatten([output.needs.other[name]]))) == 0
    ])
    error_message = "No service may write another's logs or read another's keys, however similar their names are."
  }

  assert {
    condition     = !anytrue([for name in flatten([output.needs.other.log_groups]) : startswith(name, "${output.needs.parcels.log_groups[0]}")])
    error_message = "What names the logs of one service must not name those of the other."
  }
}

run "another_image" {
  command = plan

  module {
    source = "./tests/two_services"
  }

  variables {
    other_api_image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sum-api/api@sha256:3333333333333333333333333333333333333333333333333333333333333333"
  }

  assert {
    condition     = output.needs == run.both.needs
    error_message = "An image of the same repository needs nothing new."
  }
}
