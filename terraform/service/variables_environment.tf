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
  description = "Where the load balancer and the tasks are. private: tasks have no public address, and reach AWS through endpoints."
  type = object({
    private                     = bool
    vpc_id                      = string
    balancer_subnet_ids         = list(string)
    balancer_subnet_cidrs       = list(string)
    task_subnet_ids             = list(string)
    endpoints_security_group_id = optional(string)
    s3_prefix_list_id           = optional(string)
  })

  validation {
    condition     = length(var.network.balancer_subnet_cidrs) > 0
    error_message = "network.balancer_subnet_cidrs must not be empty: the sidecar believes the callers' addresses from nobody else."
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
