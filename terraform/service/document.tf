# What the service's OpenAPI document declares. Defaults are those of the document's checker; docs/sidecar.md lists the members.

locals {
  declared = var.document["x-service"]
  name     = local.declared.name
  port     = { api = local.declared.port, sidecar = local.declared.sidecar_port }

  # Every operation by its id.
  operations = merge([for path, item in var.document.paths : { for method in ["delete", "get", "head", "options", "patch", "post", "put", "trace"] :
    item[method].operationId => {
      path = path
      # The type of the only scheme of the only requirement; null for an open operation.
      security   = one([for requirement in try(item[method].security, var.document.security) : var.document.components.securitySchemes[keys(requirement)[0]].type])
      probe      = try(item[method]["x-probe"].kind, item[method]["x-probe"], null)
      query      = try(item[method]["x-probe"].balancer_query, null)
      stream     = can(item[method]["x-stream"])
      objectives = try(item[method]["x-objectives"], null)
    } if can(item[method].operationId)
  }]...)

  # Without an operation that needs a key, the service has no keys.
  keyed = anytrue([for operation in values(local.operations) : operation.security == "apiKey"])

  # The load balancer asks whether the task may get requests.
  readiness         = one([for path, item in var.document.paths : item.get.operationId if try(item.get["x-probe"].kind, item.get["x-probe"], "") == "ready"])
  health_check_path = join("?", compact([local.operations[local.readiness].path, local.operations[local.readiness].query]))

  # What `sidecar` takes for granted when the document names no limits.
  limits = merge({ for name in ["address", "client"] : name => { rate = 5, burst = 5 } }, {
    for name, limit in try(local.declared.limits, {}) : name => { rate = limit.rate, burst = limit.burst }
  })

  # The service's objectives, under its own name, and those of operations that have their own.
  objectives = merge(
    { (local.id) = local.declared.objectives },
    { for id, operation in local.operations : id => operation.objectives if operation.objectives != null },
  )
}
