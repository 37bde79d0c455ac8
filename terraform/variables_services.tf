# What a person decides about the services of the environment, by folder below services/. The module checks the values, and its
# variables explain them. Everything else about a service is in its document.

variable "images" {
  description = "Which services run, and from which images: by folder, the ECR images of the service (api) and of its sidecar (nginx), by digest. A deployment changes one entry. A service without an entry is not switched on, and costs nothing."
  type = map(object({
    api   = string
    nginx = string
  }))

  validation {
    condition     = length(var.images) > 0
    error_message = "images must name at least one service. Without any, the plan would remove every service."
  }

  validation {
    condition     = length(setsubtract(keys(var.images), local.folders)) == 0
    error_message = "images must have keys that are folders of services/ with a block in services.tf."
  }

  validation {
    condition     = length(setsubtract(setintersection(keys(var.images), local.folders), keys(var.services))) == 0
    error_message = "Every service of images must have an entry in services: it needs at least certificate_arn, domain_name with zone_id, or insecure_http."
  }
}

variable "services" {
  description = "The settings of each service, by folder. A setting that is not given has the default of the module's variable of that name."
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
    error_message = "services must have keys that are folders of services/ with a block in services.tf."
  }
}
