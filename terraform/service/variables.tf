# The settings of one service. Everything else about the service is in its document.

variable "document" {
  description = "The service's OpenAPI document, decoded. It contains names, ports, routes, limits and objectives. `ops` and the images validate it completely. The validations here cover only the values that the resources need."
  type        = any

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.document["x-service"].name)) && try(length(var.document["x-service"].name) <= 16, false)
    error_message = "x-service.name of the document must be 1 to 16 of a-z, 0-9 and single hyphens, starting with a letter: load balancer names end at 32 characters."
  }

  validation {
    condition     = !can(regex("^(aws|ssm|amzn-s3-demo-|sthree-|(internal|sg)(-|$))", var.document["x-service"].name))
    error_message = "x-service.name of the document must not begin with aws, ssm, internal-, sg-, sthree- or amzn-s3-demo-: AWS reserves these for its own parameters, load balancers, security groups and buckets."
  }

  validation {
    condition     = try(alltrue([for port in ["port", "sidecar_port"] : var.document["x-service"][port] >= 1 && var.document["x-service"][port] <= 65535]), false) && try(var.document["x-service"].port != var.document["x-service"].sidecar_port, false)
    error_message = "x-service of the document must declare two different ports, port and sidecar_port."
  }

  validation {
    condition     = length([for path, item in try(var.document.paths, {}) : path if try(item.get["x-probe"].kind, item.get["x-probe"], "") == "ready"]) == 1
    error_message = "The document must declare one GET operation with \"x-probe\": \"ready\". The load balancer uses it as the health check of a task."
  }

  validation {
    condition     = alltrue([for o in concat([try(var.document["x-service"].objectives, null)], flatten([for item in values(var.document.paths) : [for o in values(item) : o["x-objectives"] if can(o["x-objectives"])]])) : try(o.availability >= 90 && o.availability <= 99.99, false)])
    error_message = "An availability objective of the document must be from 90 to 99.99 percent. Above that, the fast tier needs more than 90 000 requests per hour to distinguish a failure from noise."
  }

  validation {
    condition     = can(var.document["x-service"].objectives.latency.target) && alltrue([for o in concat([try(var.document["x-service"].objectives, null)], flatten([for item in values(var.document.paths) : [for o in values(item) : o["x-objectives"] if can(o["x-objectives"])]])) : try(o.latency.target >= 90 && o.latency.target <= 99.9, false) if try(o.latency, null) != null])
    error_message = "A latency objective of the document must have a target from 90 to 99.9 percent, and x-service.objectives must have one, because the alarm that rolls back a slow deployment uses it."
  }

  validation {
    condition     = alltrue([for o in concat([try(var.document["x-service"].objectives, null)], flatten([for item in values(var.document.paths) : [for o in values(item) : o["x-objectives"] if can(o["x-objectives"])]])) : can(regex("^([1-9][0-9]{1,3}ms|[1-9]s)$", o.latency.within)) if try(o.latency, null) != null])
    error_message = "The time `within` of a latency objective of the document must be from 10ms to 9999ms or from 1s to 9s."
  }

  validation {
    condition     = can(regex("^[1-9][0-9]?d$", var.document["x-service"].objectives.window))
    error_message = "The window of x-service.objectives in the document must be in days, such as 28d."
  }
}

variable "api_image" {
  description = "ECR image of the service, by digest. A deployment changes this value."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9][a-z0-9._/-]*@sha256:[0-9a-f]{64}$", var.api_image))
    error_message = "api_image must be an ECR image by digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST. A tag can change while a service runs."
  }

  validation {
    condition     = length(var.api_image) <= 255
    error_message = "api_image must be at most 255 characters, which is the limit of ECS."
  }
}

variable "nginx_image" {
  description = "ECR image of services/nginx, by digest."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9][a-z0-9._/-]*@sha256:[0-9a-f]{64}$", var.nginx_image))
    error_message = "nginx_image must be an ECR image by digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST. A tag can change while a service runs."
  }

  validation {
    condition     = length(var.nginx_image) <= 255
    error_message = "nginx_image must be at most 255 characters, which is the limit of ECS."
  }
}

variable "cpu_architecture" {
  description = "X86_64 or ARM64. Both images must be built for it."
  type        = string
  default     = "X86_64"
  nullable    = false

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "cpu_architecture must be X86_64 or ARM64."
  }
}

variable "task_size" {
  description = "Size of one task with all its containers: cpu in CPU units (1024 = one vCPU), memory in MiB."
  type = object({
    cpu    = number
    memory = number
  })
  default  = { cpu = 256, memory = 512 }
  nullable = false

  validation {
    condition     = contains(try(local.fargate_memory[tostring(var.task_size.cpu)], []), var.task_size.memory)
    error_message = "task_size must be a pair that Fargate offers: cpu 256 with memory 512, 1024 or 2048; 512 with 1024 to 4096; 1024 with 2048 to 8192; 2048 with 4096 to 16384; 4096 with 8192 to 30720 (whole GiB)."
  }
}

variable "scaling" {
  description = "Minimum and maximum number of tasks, and the target of requests per minute and task. Above the target, ECS starts more tasks."
  type = object({
    min                 = number
    max                 = number
    requests_per_target = number
  })
  default  = { min = 2, max = 6, requests_per_target = 6000 }
  nullable = false

  validation {
    condition     = alltrue([for n in values(var.scaling) : n == floor(n)]) && var.scaling.min >= 1 && var.scaling.max >= var.scaling.min && var.scaling.max <= 100
    error_message = "scaling needs whole numbers with 1 <= min <= max <= 100."
  }

  validation {
    condition     = var.scaling.requests_per_target >= 1
    error_message = "scaling.requests_per_target must be at least 1 request per minute."
  }

  validation {
    condition     = var.scaling.min >= 2 || !var.network.private
    error_message = "scaling.min must be at least 2 in network = private and existing-vpc, because with one task the loss of a zone is an outage."
  }
}

variable "rate_limit" {
  description = "Requests per second and burst of the limits client and address, for each task. Null: the values of the document."
  type = object({
    rate  = number
    burst = number
  })
  default = null

  validation {
    condition     = var.rate_limit == null || alltrue([for n in values(coalesce(var.rate_limit, { rate = 1, burst = 1 })) : n == floor(n) && n >= 1 && n <= 10000])
    error_message = "rate_limit.rate and rate_limit.burst must be whole numbers from 1 to 10000."
  }
}

variable "rate_limits" {
  description = "Requests per second and burst of the other limits, by name. A limit without an entry keeps the values of the document."
  type = map(object({
    rate  = number
    burst = number
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.rate_limits), setsubtract(keys(local.limits), ["address", "client"]))) == 0
    error_message = "rate_limits must name limits that the document declares, except client and address."
  }

  validation {
    condition     = alltrue(flatten([for limit in values(var.rate_limits) : [for n in values(limit) : n == floor(n) && n >= 1 && n <= 10000]]))
    error_message = "Every rate and burst of rate_limits must be a whole number from 1 to 10000."
  }
}

variable "settings" {
  description = "Additional environment variables of the API, such as those of a database."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !startswith(name, "API_KEY")])
    error_message = "settings must have names of A-Z, 0-9 and _, and no name that begins with API_KEY, because everybody who can read the task definition can read its values."
  }
}

variable "secrets" {
  description = "Additional secret environment variables of the API. Each value is the ARN of an SSM parameter that is encrypted with the environment's key."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name, arn in var.secrets : can(regex("^[A-Z][A-Z0-9_]*$", name)) && can(regex("^arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/", arn))])
    error_message = "secrets must have names of A-Z, 0-9 and _, and ARNs of SSM parameters as values."
  }
}

variable "containers" {
  description = "Additional containers of the task, such as a worker. The default image is the API's image. Each has the same restrictions as the API's container."
  type = list(object({
    name           = string
    command        = list(string)
    image          = optional(string)
    essential      = optional(bool, true)
    health_command = optional(list(string))
    settings       = optional(map(string), {})
    secrets        = optional(map(string), {})
  }))
  default  = []
  nullable = false

  validation {
    condition     = alltrue([for c in var.containers : can(regex("^[a-z][a-z0-9-]{0,31}$", c.name))]) && length(distinct(concat(["api", "nginx"], var.containers[*].name))) == 2 + length(var.containers)
    error_message = "containers must have different names of a-z, 0-9 and hyphens, at most 32 characters, and not api or nginx."
  }

  validation {
    condition     = length(var.containers) <= 8
    error_message = "containers must have at most 8 entries: a task has at most ten containers, with the API and the sidecar."
  }

  validation {
    condition     = alltrue([for c in var.containers : c.image == null || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9][a-z0-9._/-]*@sha256:[0-9a-f]{64}$", c.image))])
    error_message = "Each image in containers must be an ECR image by digest."
  }

  validation {
    condition     = alltrue([for c in var.containers : length(c.command) > 0 && !anytrue([for word in ["sh", "/bin/sh", "bash", "/bin/bash"] : contains(c.command, word)])])
    error_message = "Each entry of containers must have a command that needs no shell, because the images have no shell."
  }

  validation {
    condition = alltrue(flatten([for c in var.containers : [
      [for name in keys(c.settings) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !startswith(name, "API_KEY")],
      [for name, arn in c.secrets : can(regex("^[A-Z][A-Z0-9_]*$", name)) && can(regex("^arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/", arn))],
    ]]))
    error_message = "Settings and secrets of containers must have names of A-Z, 0-9 and _. A name in settings must not begin with API_KEY. The values of secrets must be ARNs of SSM parameters."
  }
}

variable "internal" {
  description = "The load balancer has only private addresses. Callers in the VPC and connected networks reach the service, callers on the internet do not. A change replaces the load balancer."
  type        = bool
  default     = false
  nullable    = false
}

variable "outside_probe" {
  description = "Route 53 sends a request from the internet every 30 seconds, and an alarm pages if it fails. About 1.50 USD per month. Needs domain_name, HTTPS and a service that is open to the internet."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.outside_probe || (var.domain_name != null && !var.insecure_http && !var.internal && (var.ingress_cidrs == null ? true : contains(var.ingress_cidrs, "0.0.0.0/0")))
    error_message = "outside_probe needs domain_name and HTTPS. It must not be used with an internal load balancer, or with ingress_cidrs without 0.0.0.0/0, because the checkers of Route 53 are on the internet."
  }
}

variable "ingress_cidrs" {
  description = "IPv4 ranges that can reach the load balancer. Null: all addresses, or the VPC's range for an internal load balancer."
  type        = list(string)
  default     = null

  validation {
    condition     = !var.internal || !contains(var.ingress_cidrs == null ? [] : var.ingress_cidrs, "0.0.0.0/0")
    error_message = "ingress_cidrs of an internal load balancer must name the ranges of your networks, and not 0.0.0.0/0."
  }

  validation {
    condition     = var.ingress_cidrs == null ? true : length(var.ingress_cidrs) > 0 && alltrue([for c in var.ingress_cidrs : can(cidrnetmask(c)) && try(cidrhost(c, 0) == split("/", c)[0], false)])
    error_message = "ingress_cidrs must contain at least one IPv4 CIDR. Each must begin with its network address, such as 192.0.2.0/24, because AWS stores this form and every plan would show a change."
  }

  validation {
    condition     = var.ingress_cidrs == null ? true : length(var.ingress_cidrs) <= 30 && length(distinct(var.ingress_cidrs)) == length(var.ingress_cidrs)
    error_message = "ingress_cidrs must contain at most 30 different ranges: each needs two rules, and a security group has at most 60."
  }
}

variable "certificate_arn" {
  description = "ARN of an issued ACM certificate in the region. Set this, or domain_name with zone_id, or insecure_http."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws[a-z-]*:acm:${var.environment.region}:[0-9]{12}:certificate/[0-9a-f-]+$", var.certificate_arn))
    error_message = "certificate_arn must be the ARN of an ACM certificate in the same region: a load balancer cannot use a certificate of another region."
  }

  validation {
    condition     = length([for given in [var.certificate_arn != null, var.zone_id != null, var.insecure_http] : given if given]) == 1
    error_message = "Set exactly one of certificate_arn, domain_name with zone_id, and insecure_http = true."
  }
}

variable "domain_name" {
  description = "Host name of the service. With zone_id, Terraform creates the certificate and the DNS records."
  type        = string
  default     = null

  validation {
    condition     = var.domain_name == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "domain_name must be a lower-case host name, such as sum.example.com."
  }

  validation {
    condition     = var.domain_name == null || length(coalesce(var.domain_name, "-")) <= 64
    error_message = "domain_name must be at most 64 characters, which is the limit of ACM for a certificate."
  }
}

variable "zone_id" {
  description = "Id of the Route 53 hosted zone of domain_name, for the DNS validation and the alias record."
  type        = string
  default     = null

  validation {
    condition     = var.zone_id == null || (can(regex("^[A-Z0-9]{1,32}$", var.zone_id)) && var.domain_name != null)
    error_message = "zone_id must be the id of a Route 53 hosted zone, such as Z0123456789EXAMPLE, and needs domain_name."
  }
}

variable "insecure_http" {
  description = "Serve plain HTTP, which sends keys unencrypted. Use it only for a short trial with keys without value."
  type        = bool
  default     = false
  nullable    = false
}

variable "enable_waf" {
  description = "AWS WAF in front of the load balancer: blocked addresses, limits for each address and the managed common rule set. About 9 USD per month and 0.60 USD per million requests."
  type        = bool
  default     = false
  nullable    = false
}

variable "waf_blocked_cidrs" {
  description = "IPv4 ranges that WAF blocks, such as 192.0.2.7/32. Use it to stop a caller who guesses keys. Needs enable_waf."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.waf_blocked_cidrs) <= 10000 && alltrue([for c in var.waf_blocked_cidrs : can(cidrnetmask(c)) && try(cidrhost(c, 0) == split("/", c)[0] && tonumber(split("/", c)[1]) >= 1, false)])
    error_message = "waf_blocked_cidrs must contain at most 10000 IPv4 CIDRs from /1 to /32, each with its network address, such as 192.0.2.7/32 or 198.51.100.0/24."
  }

  validation {
    condition     = length(var.waf_blocked_cidrs) == 0 || var.enable_waf
    error_message = "waf_blocked_cidrs needs enable_waf = true, because only WAF blocks addresses."
  }
}

variable "waf_common_rules" {
  description = "count: AWS's common rules count matching requests and block none. block: they block matching requests. Before you change it to block, look at one week of the metric CountedRequests."
  type        = string
  default     = "count"
  nullable    = false

  validation {
    condition     = contains(["count", "block"], var.waf_common_rules)
    error_message = "waf_common_rules must be count or block."
  }
}

variable "slo_floor" {
  description = "Minimum of requests and of failures in the long window of an SLO alarm. With the default, one error at night does not page, and ten errors in an hour page at any volume."
  type = object({
    requests = number
    failures = number
  })
  default  = { requests = 20, failures = 10 }
  nullable = false

  validation {
    condition     = alltrue([for n in values(var.slo_floor) : n >= 1 && n == floor(n)]) && var.slo_floor.requests >= var.slo_floor.failures
    error_message = "slo_floor needs whole numbers with 1 <= failures <= requests."
  }
}
