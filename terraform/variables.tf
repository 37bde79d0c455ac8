# Settings of one environment. Settings of its services are in variables_services.tf.

variable "name" {
  description = "Name of the stack: the first part of the names of shared resources. The name of a service comes from its document."
  type        = string
  default     = "sum-api"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 16
    error_message = "name must be 1 to 16 of a-z, 0-9 and single hyphens, starting with a letter: load balancer names end at 32 characters."
  }

  validation {
    condition     = !can(regex("^(aws|ssm|amzn-s3-demo-|sthree-|(internal|sg)(-|$))", var.name))
    error_message = "name must not begin with aws, ssm, internal-, sg-, sthree- or amzn-s3-demo-: AWS reserves these for its own parameters, load balancers, security groups and buckets."
  }
}

variable "environment" {
  description = "Environment, such as production or staging. The second part of the name of every resource."
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
  description = "private: a new VPC; its tasks have no route to the internet. existing-vpc: the VPC of existing_vpc, which has another owner. default-vpc: the account's default VPC with public addresses, for the cheapest trial."
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
    error_message = "existing_vpc must be set if network is existing-vpc, and must not be set otherwise."
  }

  validation {
    condition     = var.existing_vpc == null ? true : can(regex("^vpc-[0-9a-f]{8,17}$", var.existing_vpc.vpc_id)) && alltrue([for id in concat(var.existing_vpc.private_subnet_ids, var.existing_vpc.public_subnet_ids) : can(regex("^subnet-[0-9a-f]{8,17}$", id))])
    error_message = "existing_vpc must contain ids, such as vpc-0123456789abcdef0 and subnet-0123456789abcdef0."
  }

  validation {
    condition     = var.existing_vpc == null ? true : length(var.existing_vpc.private_subnet_ids) >= 2 && length(var.existing_vpc.public_subnet_ids) != 1 && length(distinct(concat(var.existing_vpc.private_subnet_ids, var.existing_vpc.public_subnet_ids))) == length(concat(var.existing_vpc.private_subnet_ids, var.existing_vpc.public_subnet_ids))
    error_message = "existing_vpc needs at least two private subnets, and no public subnets or at least two. All of them must be different."
  }
}

variable "vpc_cidr" {
  description = "IPv4 range of the VPC. Only network = private uses it."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 23 && cidrhost(var.vpc_cidr, 0) == split("/", var.vpc_cidr)[0], false)
    error_message = "vpc_cidr must be an IPv4 CIDR from /16 to /23 that begins with its network address, such as 10.42.0.0/16. It is divided into 16 subnets, and a load balancer needs at least a /27."
  }
}

variable "zones" {
  description = "Letters of the two or three availability zones. They are named here so that a new zone of AWS never moves a subnet. Each zone costs money."
  type        = list(string)
  default     = ["a", "b"]

  validation {
    condition     = contains([2, 3], length(distinct(var.zones))) && length(distinct(var.zones)) == length(var.zones) && alltrue([for z in var.zones : can(regex("^[a-z]$", z))])
    error_message = "zones must be two or three different letters, such as [\"a\", \"b\"]."
  }
}

variable "deletion_protection" {
  description = "Prevents the deletion of the load balancers. To destroy: switch off, apply, destroy. If it is off, destroy also empties the log bucket."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "How many days the log groups keep their events, and the log bucket its files."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a number of days that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}
