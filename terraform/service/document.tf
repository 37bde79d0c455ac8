# The values of the service's OpenAPI document. The defaults are the same as in the document's checker. docs/sidecar.md lists the
# members.

locals {
  declared = var.document["x-service"]
  name     = local.declared.name
  port     = { api = local.declared.port, sidecar = local.declared.sidecar_port }

  # The operations by id.
  operations = merge([for path, item in var.document.paths : { for method in ["delete", "get", "head", "options", "patch", "post", "put", "trace"] :
    item[method].operationId => {
      path = path
      # The type of the security scheme, or null for an open operation. An operation has at most one requirement with one scheme.
      security   = one([for requirement in try(item[method].security, var.document.security) : var.document.components.securitySchemes[keys(requirement)[0]].type])
      probe      = try(item[method]["x-probe"].kind, item[method]["x-probe"], null)
      query      = try(item[method]["x-probe"].balancer_query, null)
      stream     = can(item[method]["x-stream"])
      objectives = try(item[method]["x-objectives"], null)
    } if can(item[method].operationId)
  }]...)

  # False if no operation needs a key. The service has no keys then.
  keyed = anytrue([for operation in values(local.operations) : operation.security == "apiKey"])

  # The load balancer's health check is the readiness probe.
  readiness         = one([for path, item in var.document.paths : item.get.operationId if try(item.get["x-probe"].kind, item.get["x-probe"], "") == "ready"])
  health_check_path = join("?", compact([local.operations[local.readiness].path, local.operations[local.readiness].query]))

  # The defaults of `sidecar` if the document has no limits.
  limits = merge({ for name in ["address", "client"] : name => { rate = 5, burst = 5 } }, {
    for name, limit in try(local.declared.limits, {}) : name => { rate = limit.rate, burst = limit.burst }
  })

  # The objectives of the service, and of the operations that have their own.
  objectives = merge(
    { (local.id) = local.declared.objectives },
    { for id, operation in local.operations : id => operation.objectives if operation.objectives != null },
  )
}
