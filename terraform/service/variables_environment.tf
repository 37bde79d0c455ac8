# What the environment gives every service. The parts are apart because a resource waits for all of what a variable is made of.

variable "environment" {
  description = "Facts that are known before anything exists: the environment's name, where it is, and what holds for every service in it."
  type = object({
    name                = string
    region              = string
    account             = string
    partition           = string
    boundary_arn        = string
    runbook_url         = string
    log_retention_days  = number
    deletion_protection = bool
  })
}

variable "network" {
  description = "Where the load balancer and the tasks are. private: tasks have no public address. endpoints: they reach AWS through the environment's endpoints, and nothing else; without these, by HTTPS on whatever way the VPC has. An internal load balancer is in the subnets of the tasks."
  type = object({
    private                     = bool
    endpoints                   = optional(bool, true)
    vpc_id                      = string
    vpc_cidr                    = optional(string)
    balancer_subnet_ids         = list(string)
    balancer_subnet_cidrs       = list(string)
    task_subnet_ids             = list(string)
    task_subnet_cidrs           = optional(list(string), [])
    endpoints_security_group_id = optional(string)
    s3_prefix_list_id           = optional(string)
  })

  validation {
    condition     = length(var.internal ? var.network.task_subnet_cidrs : var.network.balancer_subnet_cidrs) > 0
    error_message = "The load balancer has no subnet. Without public subnets (existing_vpc.public_subnet_ids) a service needs internal = true."
  }
}

variable "network_routes" {
  description = "Ids of the routes that the load balancer and the tasks wait for."
  type        = list(string)
  default     = []
}

variable "network_endpoints" {
  description = "Ids of the endpoints that the tasks wait for."
  type        = list(string)
  default     = []
}

variable "cluster" {
  description = "The ECS cluster."
  type = object({
    id   = string
    name = string
  })
}

variable "kms_key_arn" {
  description = "Key of the parameter and the logs. Its policy names the log groups of the output `needs`."
  type        = string
}

variable "log_bucket" {
  description = "Bucket that the load balancer may write its logs to."
  type        = string
}

variable "topics" {
  description = "ARNs of the topics page and notify."
  type = object({
    page   = string
    notify = string
  })
}
