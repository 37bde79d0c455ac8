# Settings of the services of the environment, by folder below services/. The variables of the module explain and check the values.
# The document of the service has everything else.

variable "images" {
  description = "Services that run, and their images. By folder: the ECR images of the service (api) and of its sidecar (nginx), by digest. A deployment changes one entry. A service without an entry does not run and costs nothing."
  type = map(object({
    api   = string
    nginx = string
  }))

  validation {
    condition     = length(var.images) > 0
    error_message = "images must name at least one service. An empty map would remove every service."
  }

  validation {
    condition     = length(setsubtract(keys(var.images), local.folders)) == 0
    error_message = "each key of images must be a folder of services/ with a block in services.tf."
  }

  validation {
    condition     = length(setsubtract(setintersection(keys(var.images), local.folders), keys(var.services))) == 0
    error_message = "Every service of images must have an entry in services: it needs at least certificate_arn, domain_name with zone_id, or insecure_http."
  }
}

variable "services" {
  description = "Settings of each service, by folder. The default of a setting is the default of the module's variable with the same name."
  type = map(object({
    cpu_architecture = optional(string)
    task_size = optional(object({
      cpu    = number
      memory = number
    }))
    scaling = optional(object({
      min                 = number
      max                 = number
      requests_per_target = number
    }))
    rate_limit = optional(object({
      rate  = number
      burst = number
    }))
    rate_limits = optional(map(object({
      rate  = number
      burst = number
    })))
    internal          = optional(bool)
    outside_probe     = optional(bool)
    ingress_cidrs     = optional(list(string))
    certificate_arn   = optional(string)
    domain_name       = optional(string)
    zone_id           = optional(string)
    insecure_http     = optional(bool)
    enable_waf        = optional(bool)
    waf_blocked_cidrs = optional(list(string))
    waf_common_rules  = optional(string)
    slo_floor = optional(object({
      requests = number
      failures = number
    }))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.services), local.folders)) == 0
    error_message = "each key of services must be a folder of services/ with a block in services.tf."
  }
}
