# What a person decides about one deployment. Everything else is derived in locals.tf or fixed with its reason.

variable "name" {
  description = "Name of the service. First part of every resource's name."
  type        = string
  default     = "sum-api"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 16
    error_message = "name must be 1 to 16 of a-z, 0-9 and single hyphens, starting with a letter: load balancer names end at 32 characters."
  }

  validation {
    condition     = !can(regex("^(aws|ssm|amzn-s3-demo-|sthree-|(internal|sg)(-|$))", var.name))
    error_message = "name must not begin with aws, ssm, internal-, sg-, sthree- or amzn-s3-demo-: AWS keeps these for parameters, load balancers, security groups and buckets of its own."
  }
}

variable "environment" {
  description = "Environment, such as production or staging. Second part of every resource's name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", var.environment)) && length(var.environment) <= 11
    error_message = "environment must be 1 to 11 of a-z, 0-9 and single hyphens."
  }
}

variable "region" {
  description = "AWS region."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region)) && length(var.region) <= 16
    error_message = "region must be the name of an AWS region, such as us-east-1; bucket names have room for 16 characters of it."
  }
}

variable "network" {
  description = "private: a VPC of its own, tasks without any route to the internet. default-vpc: the account's default VPC and public addresses, for the cheapest trial."
  type        = string
  default     = "private"

  validation {
    condition     = contains(["private", "default-vpc"], var.network)
    error_message = "network must be private or default-vpc."
  }
}

variable "vpc_cidr" {
  description = "IPv4 range of the VPC. Used by network = private only."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 23 && cidrhost(var.vpc_cidr, 0) == split("/", var.vpc_cidr)[0], false)
    error_message = "vpc_cidr must be an IPv4 CIDR from /16 to /23 with its network's own address, such as 10.42.0.0/16: it is cut into sixteenths, and a load balancer's subnet must be at least a /27."
  }
}

variable "zones" {
  description = "Letters of the two or three availability zones. Named rather than looked up, so that a new zone never moves a subnet, and paid for one by one."
  type        = list(string)
  default     = ["a", "b"]

  validation {
    condition     = contains([2, 3], length(distinct(var.zones))) && length(distinct(var.zones)) == length(var.zones) && alltrue([for z in var.zones : can(regex("^[a-z]$", z))])
    error_message = "zones must be two or three different letters, such as [\"a\", \"b\"]."
  }
}

variable "ingress_cidrs" {
  description = "IPv4 ranges that may reach the load balancer."
  type        = list(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.ingress_cidrs) > 0 && alltrue([for c in var.ingress_cidrs : can(cidrnetmask(c)) && try(cidrhost(c, 0) == split("/", c)[0], false)])
    error_message = "ingress_cidrs must hold at least one IPv4 CIDR, each with its network's own address, such as 192.0.2.0/24: AWS stores that, and every plan would differ."
  }

  validation {
    condition     = length(var.ingress_cidrs) <= 30 && length(distinct(var.ingress_cidrs)) == length(var.ingress_cidrs)
    error_message = "ingress_cidrs must hold at most 30 different ranges: each takes two of the 60 rules that a security group may have."
  }
}

variable "api_image" {
  description = "ECR image of services/sum, by digest. A deployment is a change of this value."
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
  default = { cpu = 256, memory = 512 }

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
  default = { min = 2, max = 6, requests_per_target = 6000 }

  validation {
    condition     = alltrue([for n in values(var.scaling) : n == floor(n)]) && var.scaling.min >= 1 && var.scaling.max >= var.scaling.min && var.scaling.max <= 100
    error_message = "scaling needs whole numbers with 1 <= min <= max <= 100."
  }

  validation {
    condition     = var.scaling.requests_per_target >= 1
    error_message = "scaling.requests_per_target must be at least 1 request a minute."
  }

  validation {
    condition     = var.scaling.min >= 2 || var.network == "default-vpc"
    error_message = "scaling.min must be at least 2 in network = private: with one task a lost zone is an outage."
  }
}

variable "api_key" {
  description = "The keys: one or more of KEY or CLIENT:KEY, separated by commas. Given as TF_VAR_api_key only. Written to SSM when api_key_version changes, and kept nowhere else."
  type        = string
  sensitive   = true
  ephemeral   = true

  validation {
    condition     = alltrue([for entry in split(",", var.api_key) : can(regex("^([a-z0-9-]{1,32}:)?[A-Za-z0-9._-]{8,128}$", entry))])
    error_message = "api_key must be one or more of KEY or CLIENT:KEY separated by commas; a key is 8 to 128 of A-Z a-z 0-9 . _ -, a client name 1 to 32 of a-z 0-9 -."
  }

  validation {
    condition     = alltrue([for entry in split(",", var.api_key) : upper(element(split(":", entry), length(split(":", entry)) - 1)) != "CHANGEME"])
    error_message = "api_key must not be CHANGEME: that key is for a laptop only."
  }

  validation {
    condition     = length(distinct([for entry in split(",", var.api_key) : element(split(":", entry), length(split(":", entry)) - 1)])) == length(split(",", var.api_key))
    error_message = "api_key must not list a key twice: the sidecar could not tell whose it is."
  }

  validation {
    condition     = length(var.api_key) <= 4096
    error_message = "api_key must not be longer than 4096 characters, the size of a standard SSM parameter."
  }
}

variable "api_key_version" {
  description = "Raise it by one with every change of api_key. That writes the new value to SSM and starts new tasks, which read it."
  type        = number

  validation {
    condition     = var.api_key_version >= 1 && var.api_key_version == floor(var.api_key_version)
    error_message = "api_key_version must be a whole number from 1."
  }
}

variable "rate_limit" {
  description = "Requests a second and burst for each client, in each task."
  type = object({
    rate  = number
    burst = number
  })
  default = { rate = 5, burst = 5 }

  validation {
    condition     = alltrue([for n in values(var.rate_limit) : n == floor(n) && n >= 1 && n <= 10000])
    error_message = "rate_limit.rate and rate_limit.burst must be whole numbers from 1 to 10000."
  }
}

variable "certificate_arn" {
  description = "ARN of an issued ACM certificate in the region. Give this, or domain_name with zone_id, or insecure_http."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws[a-z-]*:acm:${var.region}:[0-9]{12}:certificate/[0-9a-f-]+$", var.certificate_arn))
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
}

variable "enable_waf" {
  description = "AWS WAF in front of the load balancer: blocked addresses, limits for each address and the managed common rule set. About 9 USD a month and 0.60 USD for a million requests."
  type        = bool
  default     = false
}

variable "waf_blocked_cidrs" {
  description = "IPv4 ranges that WAF refuses, such as 192.0.2.7/32. What stops somebody who guesses keys. Needs enable_waf."
  type        = list(string)
  default     = []

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

  validation {
    condition     = contains(["count", "block"], var.waf_common_rules)
    error_message = "waf_common_rules must be count or block."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the load balancer. Switch off, apply, then destroy. When off, destroy also empties the log bucket."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "How long the log groups keep their events, and the bucket the load balancer's logs."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a number of days that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}
