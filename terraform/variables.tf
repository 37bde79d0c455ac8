# What a person decides about one environment and about the service `sum` in it. The module checks what is a service's; everything
# else is in the service's document, derived in locals.tf or fixed with its reason.

variable "name" {
  description = "Name of the stack: first part of the names of what the services share. A service has its own, from its document."
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
}

variable "api_image" {
  description = "ECR image of services/sum, by digest. A deployment is a change of this value."
  type        = string
}

variable "nginx_image" {
  description = "ECR image of services/nginx, by digest."
  type        = string
}

variable "cpu_architecture" {
  description = "X86_64 or ARM64. Both images must have been built for it."
  type        = string
  default     = "X86_64"
}

variable "task_size" {
  description = "cpu in CPU units (1024 = one vCPU) and memory in MiB of one task, both containers together."
  type = object({
    cpu    = number
    memory = number
  })
  default = { cpu = 256, memory = 512 }
}

variable "scaling" {
  description = "Smallest and largest number of tasks, and the requests a minute for each task at which one more is started."
  type = object({
    min                 = number
    max                 = number
    requests_per_target = number
  })
  default = { min = 2, max = 6, requests_per_target = 6000 }
}

variable "api_key" {
  description = "The keys: one or more of KEY or CLIENT:KEY, separated by commas. Given as TF_VAR_api_key only. Written to SSM when api_key_version changes, and kept nowhere else."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "api_key_version" {
  description = "Raise it by one with every change of api_key. That writes the new value to SSM and starts new tasks, which read it."
  type        = number
}

variable "rate_limit" {
  description = "Requests a second and burst of the limits client and address, in each task of sum. Without it, those of its document."
  type = object({
    rate  = number
    burst = number
  })
  default = null
}

variable "certificate_arn" {
  description = "ARN of an issued ACM certificate in the region. Give this, or domain_name with zone_id, or insecure_http."
  type        = string
  default     = null
}

variable "domain_name" {
  description = "Name under which callers reach the service. With zone_id the certificate and the records are made here."
  type        = string
  default     = null
}

variable "zone_id" {
  description = "Route 53 hosted zone that holds domain_name, for DNS validation and the alias records."
  type        = string
  default     = null
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
}

variable "waf_common_rules" {
  description = "count: AWS's common rules refuse nothing and count what they would have refused. block: they refuse it. Look at the metric CountedRequests of a week before you change it."
  type        = string
  default     = "count"
}

variable "deletion_protection" {
  description = "Refuse to delete the load balancers. Switch off, apply, then destroy. When off, destroy also empties the log bucket."
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
