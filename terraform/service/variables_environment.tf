# The values that the environment gives to every service. There are several variables, because a resource waits for everything that
# a variable contains.

variable "environment" {
  description = "Values that are known before the resources exist: the name and the location of the environment, and the settings of all its services."
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
  description = "Network of the load balancer and the tasks. private: tasks have no public address. endpoints: tasks reach only AWS, through the environment's endpoints; otherwise they use HTTPS on the route of the VPC. An internal load balancer is in the subnets of the tasks."
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
    error_message = "The load balancer has no subnet. Set existing_vpc.public_subnet_ids, or set internal = true for the service."
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
  description = "KMS key of the parameter and the logs. Its policy contains the log groups of the output `needs`."
  type        = string
}

variable "log_bucket" {
  description = "Bucket for the logs of the load balancer. The load balancer must have permission to write to it."
  type        = string
}

variable "topics" {
  description = "ARNs of the topics `page` and `notify`."
  type = object({
    page   = string
    notify = string
  })
}
