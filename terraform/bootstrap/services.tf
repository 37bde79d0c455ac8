# The services of this repository: the folders of services/ that have a document.

locals {
  services = { for document in fileset("${path.module}/../../services", "*/openapi.json") :
    dirname(document) => jsondecode(file("${path.module}/../../services/${document}"))["x-service"].name
  }

  # The first part of the names of each service's resources. The names of shared resources begin with var.name.
  service_names = values(local.services)

  # The first part of the names of a service's resources in an environment.
  ids = { for environment in var.environments : environment => [for name in local.service_names : "${name}-${environment}"] }
}
