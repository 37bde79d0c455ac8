# What a person decides about one environment. What a person decides about its services is in variables_services.tf.

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
  description = "private: a VPC of its own, tasks without any route to the internet. existing-vpc: the VPC of existing_vpc, which somebody else looks after. default-vpc: the account's default VPC and public addresses, for the cheapest trial."
  type        = string
  default     = "private"

  validation {
    condition     = contains(["private", "existing-vpc", "default-vpc"], var.network)
    error_message = "network must be private, existing-vpc or default-vpc."
  }
}

variable "existing_vpc" {
  description = "The VPC of network = existing-vpc. Tasks, and load balancers with internal = true, are in the private subnets; load balancers that the internet reaches are in the public ones. The private subnets need a way to ECR, S3, CloudWatch Logs and SSM."
  type = object({
    vpc_id             = string
    private_subnet_ids = list(string)
    public_subnet_ids  = optional(list(string), [])
  })
  default = null

  validation {
    condition     = (var.existing_vpc != null) == (var.network == "existing-vpc")
    error_message = "existing_vpc must be given if, and only if, network is existing-vpc."
  }

  validation {
    condition     = var.existing_vpc == null ? true : can(regex("^vpc-[0-9a-f]{8,17}$", var.existing_vpc.vpc_id)) && alltrue([for id in concat(var.existing_vpc.private_subnet_ids, var.existing_vpc.public_subnet_ids) : can(regex("^subnet-[0-9a-f]{8,17}$", id))])
    error_message = "existing_vpc must hold ids, such as vpc-0123456789abcdef0 and subnet-0123456789abcdef0."
  }

  validation {
    condition     = var.existing_vpc == null ? true : length(var.existing_vpc.private_subnet_ids) >= 2 && length(var.existing_vpc.public_subnet_ids) != 1 && length(distinct(concat(var.existing_vpc.private_subnet_ids, var.existing_vpc.public_subnet_ids))) == length(concat(var.existing_vpc.private_subnet_ids, var.existing_vpc.public_subnet_ids))
    error_message = "existing_vpc needs two private subnets at least, and none or two public ones at least, all of them different."
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
