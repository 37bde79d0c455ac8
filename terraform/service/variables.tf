# What a person decides about one service, and what the data that it uses gives it. The rest is in its document.

variable "document" {
  description = "The service's OpenAPI document, decoded. It gives names, ports, routes, limits and objectives. `ops` and the images check it in full; what is checked here is what the resources need."
  type        = any

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.document["x-service"].name)) && try(length(var.document["x-service"].name) <= 16, false)
    error_message = "x-service.name of the document must be 1 to 16 of a-z, 0-9 and single hyphens, starting with a letter: load balancer names end at 32 characters."
  }

  validation {
    condition     = !can(regex("^(aws|ssm|amzn-s3-demo-|sthree-|(internal|sg)(-|$))", var.document["x-service"].name))
    error_message = "x-service.name of the document must not begin with aws, ssm, internal-, sg-, sthree- or amzn-s3-demo-: AWS keeps these for parameters, load balancers, security groups and buckets of its own."
  }

  validation {
    condition     = try(alltrue([for port in ["port", "sidecar_port"] : var.document["x-service"][port] >= 1 && var.document["x-service"][port] <= 65535]), false) && try(var.document["x-service"].port != var.document["x-service"].sidecar_port, false)
    error_message = "x-service of the document must declare two different ports, port and sidecar_port."
  }

  validation {
    condition     = length([for path, item in try(var.document.paths, {}) : path if try(item.get["x-probe"].kind, item.get["x-probe"], "") == "ready"]) == 1
    error_message = "The document must declare one GET operation with \"x-probe\": \"ready\": the load balancer asks it whether a task may get requests."
  }

  validation {
    condition     = alltrue([for o in concat([try(var.document["x-service"].objectives, null)], flatten([for item in values(var.document.paths) : [for o in values(item) : o["x-objectives"] if can(o["x-objectives"])]])) : try(o.availability >= 90 && o.availability <= 99.99, false)])
    error_message = "An availability objective of the document must be from 90 to 99.99 percent. Above that the fast tier would need more than 90 000 requests an hour to tell a failure from noise."
  }

  validation {
    condition     = can(var.document["x-service"].objectives.latency.target) && alltrue([for o in concat([try(var.document["x-service"].objectives, null)], flatten([for item in values(var.document.paths) : [for o in values(item) : o["x-objectives"] if can(o["x-objectives"])]])) : try(o.latency.target >= 90 && o.latency.target <= 99.9, false) if try(o.latency, null) != null])
    error_message = "A latency objective of the document must have a target from 90 to 99.9 percent, and x-service.objectives must have one: a slow deployment is rolled back by it."
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
  description = "ECR image of the service, by digest. A deployment is a change of this value."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9][a-z0-9._/-]*@sha256:[0-9a-f]{64}$", var.api_image))
    error_message = "api_image must be an ECR image by digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST. A tag can change under a running service."
  }

  validation {
    condition     = length(var.api_image) <= 255
    error_message = "api_image must be at most 255 characters, which is what ECS takes."
  }
}

variable "nginx_image" {
  description = "ECR image of services/nginx, by digest."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9][a-z0-9._/-]*@sha256:[0-9a-f]{64}$", var.nginx_image))
    error_message = "nginx_image must be an ECR image by digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST. A tag can change under a running service."
  }

  validation {
    condition     = length(var.nginx_image) <= 255
    error_message = "nginx_image must be at most 255 characters, which is what ECS takes."
  }
}

variable "cpu_architecture" {
  description = "X86_64 or ARM64. Both images must have been built for it."
  type        = string
  default     = "X86_64"
  nullable    = false

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "cpu_architecture must be X86_64 or ARM64."
  }
}

variable "task_size" {
  description = "cpu in CPU units (1024 = one vCPU) and memory in MiB of one task, both containers together."
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
  description = "Smallest and largest number of tasks, and the requests a minute for each task at which one more is started."
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
    error_message = "scaling.requests_per_target must be at least 1 request a minute."
  }

  validation {
    condition     = var.scaling.min >= 2 || !var.network.private
    error_message = "scaling.min must be at least 2 in network = private and existing-vpc: with one task a lost zone is an outage."
  }
}

variable "rate_limit" {
  description = "Requests a second and burst of the limits client and address, in each task. Without it, the document's."
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
  description = "Requests a second and burst of the document's other limits, by name. Without one, the document's."
  type = map(object({
    rate  = number
    burst = number
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.rate_limits), setsubtract(keys(local.limits), ["address", "client"]))) == 0
    error_message = "rate_limits must name limits that the document declares beside client and address."
  }

  validation {
    condition     = alltrue(flatten([for limit in values(var.rate_limits) : [for n in values(limit) : n == floor(n) && n >= 1 && n <= 10000]]))
    error_message = "Every rate and burst of rate_limits must be a whole number from 1 to 10000."
  }
}

variable "settings" {
  description = "More environment variables of the API, such as those of a database."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !startswith(name, "API_KEY")])
    error_message = "settings must have names of A-Z, 0-9 and _, and hold no API_KEY: that would be readable in the task definition."
  }
}

variable "secrets" {
  description = "More environment variables of the API, each by the ARN of the SSM parameter that holds its value, encrypted with the environment's key."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name, arn in var.secrets : can(regex("^[A-Z][A-Z0-9_]*$", name)) && can(regex("^arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/", arn))])
    error_message = "secrets must have names of A-Z, 0-9 and _, and ARNs of SSM parameters as values."
  }
}

variable "containers" {
  description = "More containers of the task, such as a worker. Each has the API's image unless it names one, and is as restricted as the API's container."
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
    error_message = "containers must be at most 8: a task has at most ten, with the API and the sidecar."
  }

  validation {
    condition     = alltrue([for c in var.containers : c.image == null || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9][a-z0-9._/-]*@sha256:[0-9a-f]{64}$", c.image))])
    error_message = "The image of each of containers must be an ECR image by digest."
  }

  validation {
    condition     = alltrue([for c in var.containers : length(c.command) > 0 && !anytrue([for word in ["sh", "/bin/sh", "bash", "/bin/bash"] : contains(c.command, word)])])
    error_message = "Each of containers must have a command that needs no shell: the images have none."
  }

  validation {
    condition = alltrue(flatten([for c in var.containers : [
      [for name in keys(c.settings) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !startswith(name, "API_KEY")],
      [for name, arn in c.secrets : can(regex("^[A-Z][A-Z0-9_]*$", name)) && can(regex("^arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/", arn))],
    ]]))
    error_message = "Settings and secrets of containers must have names of A-Z, 0-9 and _, and secrets ARNs of SSM parameters as values."
  }
}

variable "internal" {
  description = "The load balancer has private addresses only: who reaches the VPC, reaches the service, and nobody on the internet does. A change makes the load balancer anew."
  type        = bool
  default     = false
  nullable    = false
}

variable "outside_probe" {
  description = "Route 53 asks the service from the internet every 30 seconds, and an alarm pages when it cannot. About 1.50 USD a month. Needs domain_name and HTTPS, and callers from everywhere."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.outside_probe || (var.domain_name != null && !var.insecure_http && !var.internal && (var.ingress_cidrs == null ? true : contains(var.ingress_cidrs, "0.0.0.0/0")))
    error_message = "outside_probe needs domain_name and HTTPS, no internal load balancer, and no ingress_cidrs that shut the internet out: Route 53's checkers come from there."
  }
}

variable "ingress_cidrs" {
  description = "IPv4 ranges that may reach the load balancer. Without it: everybody, and for an internal load balancer the VPC's own range."
  type        = list(string)
  default     = null

  validation {
    condition     = !var.internal || !contains(var.ingress_cidrs == null ? [] : var.ingress_cidrs, "0.0.0.0/0")
    error_message = "ingress_cidrs of an internal load balancer must name the ranges of your networks, and not 0.0.0.0/0."
  }

  validation {
    condition     = var.ingress_cidrs == null ? true : length(var.ingress_cidrs) > 0 && alltrue([for c in var.ingress_cidrs : can(cidrnetmask(c)) && try(cidrhost(c, 0) == split("/", c)[0], false)])
    error_message = "ingress_cidrs must hold at least one IPv4 CIDR, each with its network's own address, such as 192.0.2.0/24: AWS stores that, and every plan would differ."
  }

  validation {
    condition     = var.ingress_cidrs == null ? true : length(var.ingress_cidrs) <= 30 && length(distinct(var.ingress_cidrs)) == length(var.ingress_cidrs)
    error_message = "ingress_cidrs must hold at most 30 different ranges: each takes two of the 60 rules that a security group may have."
  }
}

variable "certificate_arn" {
  description = "ARN of an issued ACM certificate in the region. Give this, or domain_name with zone_id, or insecure_http."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws[a-z-]*:acm:${var.environment.region}:[0-9]{12}:certificate/[0-9a-f-]+$", var.certificate_arn))
    error_message = "certificate_arn must be the ARN of an ACM certificate in the same region: a load balancer cannot use another region's."
  }

  validation {
    condition     = length([for given in [var.certificate_arn != null, var.zone_id != null, var.insecure_http] : given if given]) == 1
    error_message = "Give exactly one of certificate_arn, domain_name with zone_id, and insecure_http = true."
  }
}

variable "domain_name" {
  description = "Name under which callers reach the service. With zone_id the certificate and the records are made here."
  type        = string
  default     = null

  validation {
    condition     = var.domain_name == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "domain_name must be a lower-case host name, such as sum.example.com."
  }

  validation {
    condition     = var.domain_name == null || length(coalesce(var.domain_name, "-")) <= 64
    error_message = "domain_name must be at most 64 characters: ACM takes no longer name for a certificate."
  }
}

variable "zone_id" {
  description = "Route 53 hosted zone that holds domain_name, for DNS validation and the alias records."
  type        = string
  default     = null

  validation {
    condition     = var.zone_id == null || (can(regex("^[A-Z0-9]{1,32}$", var.zone_id)) && var.domain_name != null)
    error_message = "zone_id must be the id of a Route 53 hosted zone, such as Z0123456789EXAMPLE, and needs domain_name beside it."
  }
}

variable "insecure_http" {
  description = "Serve plain HTTP. Keys then travel readable: for a short trial with keys that are worth nothing."
  type        = bool
  default     = false
  nullable    = false
}

variable "enable_waf" {
  description = "AWS WAF in front of the load balancer: blocked addresses, limits for each address and the managed common rule set. About 9 USD a month and 0.60 USD for a million requests."
  type        = bool
  default     = false
  nullable    = false
}

variable "waf_blocked_cidrs" {
  description = "IPv4 ranges that WAF refuses, such as 192.0.2.7/32. What stops somebody who guesses keys. Needs enable_waf."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.waf_blocked_cidrs) <= 10000 && alltrue([for c in var.waf_blocked_cidrs : can(cidrnetmask(c)) && try(cidrhost(c, 0) == split("/", c)[0] && tonumber(split("/", c)[1]) >= 1, false)])
    error_message = "waf_blocked_cidrs must hold at most 10000 IPv4 CIDRs from /1 to /32, each with its network's own address, such as 192.0.2.7/32 or 198.51.100.0/24."
  }

  validation {
    condition     = length(var.waf_blocked_cidrs) == 0 || var.enable_waf
    error_message = "waf_blocked_cidrs needs enable_waf = true: nothing else refuses an address."
  }
}

variable "waf_common_rules" {
  description = "count: AWS's common rules refuse nothing and count what they would have refused. block: they refuse it. Look at the metric CountedRequests of a week before you change it."
  type        = string
  default     = "count"
  nullable    = false

  validation {
    condition     = contains(["count", "block"], var.waf_common_rules)
    error_message = "waf_common_rules must be count or block."
  }
}

variable "slo_floor" {
  description = "An SLO alarm needs at least this many requests, and this many bad ones among them, in its long window. One error at night then pages nobody; ten in an hour do, however little else there was."
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
