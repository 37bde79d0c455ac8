# Settings for the account and the repository.

variable "name" {
  description = "Name of the service, as in the root module."
  type        = string
  default     = "sum-api"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 16
    error_message = "name must be 1 to 16 of a-z, 0-9 and single hyphens, starting with a letter."
  }

  validation {
    condition     = !can(regex("^(aws|ssm|amzn-s3-demo-|sthree-|(internal|sg)(-|$))", var.name))
    error_message = "name must not begin with aws, ssm, internal-, sg-, sthree- or amzn-s3-demo-: AWS reserves these for its own parameters, load balancers, security groups and buckets."
  }
}

variable "region" {
  description = "AWS region of the state, the images and the service."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region)) && length(var.region) <= 16
    error_message = "region must be the name of an AWS region, such as us-east-1; bucket names have room for 16 characters of it."
  }
}

variable "repository" {
  description = "GitHub repository whose workflows can assume the roles, as OWNER/NAME. Null without GitHub: then there are no roles."
  type        = string
  default     = null

  validation {
    condition     = var.repository == null || can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$", var.repository))
    error_message = "repository must be OWNER/NAME, without wildcards, because every matching repository can deploy."
  }
}

variable "repository_id" {
  description = "Number of the repository: gh api repos/OWNER/NAME --jq .id"
  type        = string
  default     = null

  validation {
    condition     = var.repository == null || can(regex("^[1-9][0-9]{0,19}$", var.repository_id))
    error_message = "repository_id must be the repository's number: gh api repos/OWNER/NAME --jq .id"
  }
}

variable "repository_owner_id" {
  description = "Number of the repository's owner: gh api repos/OWNER/NAME --jq .owner.id"
  type        = string
  default     = null

  validation {
    condition     = var.repository == null || can(regex("^[1-9][0-9]{0,19}$", var.repository_owner_id))
    error_message = "repository_owner_id must be the owner's number: gh api repos/OWNER/NAME --jq .owner.id"
  }
}

variable "environments" {
  description = "Environments of the stack. Each has its own state, roles and boundary; the output backend has the configuration of its state. Add new environments at the end: the first one uses the GitHub environments of github_roles."
  type        = list(string)
  default     = ["production"]

  validation {
    condition     = length(var.environments) > 0 && length(distinct(var.environments)) == length(var.environments) && alltrue([for e in var.environments : can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", e)) && length(e) <= 11 && e != "shared"])
    error_message = "environments must be different names, each 1 to 11 of a-z, 0-9 and single hyphens, as the root's variable environment. The name shared is reserved for this root."
  }

  validation {
    condition     = !anytrue([for pair in setproduct(var.environments, var.environments) : pair[0] != pair[1] && startswith(pair[0], pair[1])])
    error_message = "environments: no name may begin with another, such as prod and prod-eu: the policy of the one also matches resources of the other."
  }

  validation {
    condition     = length(setintersection(flatten([for e in slice(var.environments, 1, max(1, length(var.environments))) : [e, "plan-${e}"]]), [for r in var.github_roles : r.environment])) == 0
    error_message = "environments: a second environment uses the GitHub environments NAME and plan-NAME. github_roles uses one of them for the first environment: choose another name."
  }
}

variable "deletion_protection" {
  description = "If true, Terraform cannot destroy a repository that contains images. If false, destroy also deletes the images."
  type        = bool
  default     = true
}

variable "branch" {
  description = "Branch whose workflow files can assume the roles."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.branch))
    error_message = "branch must be a branch name without wildcards."
  }
}

variable "zone_id" {
  description = "Id of the Route 53 hosted zone in which an apply can write the records of the service. Null if Terraform creates no certificate and no records."
  type        = string
  default     = null

  validation {
    condition     = var.zone_id == null || can(regex("^[A-Z0-9]{1,32}$", var.zone_id))
    error_message = "zone_id must be the id of a Route 53 hosted zone, such as Z0123456789EXAMPLE."
  }
}

variable "github_roles" {
  description = "For each kind of role: the workflow files in .github/workflows that can assume it, and the GitHub environment for production. Another environment E of the stack uses plan-E and E."
  type = map(object({
    environment = string
    workflows   = list(string)
  }))
  default = {
    plan    = { environment = "plan", workflows = ["deploy.yml", "drift.yml", "rollback.yml"] }
    publish = { environment = "publish", workflows = ["build.yml"] }
    apply   = { environment = "production", workflows = ["deploy.yml", "rollback.yml"] }
  }

  validation {
    condition     = toset(keys(var.github_roles)) == toset(["plan", "publish", "apply"])
    error_message = "github_roles must describe exactly plan, publish and apply."
  }

  validation {
    condition     = alltrue([for r in var.github_roles : can(regex("^[A-Za-z0-9_-]+$", r.environment)) && length(r.workflows) > 0 && alltrue([for w in r.workflows : can(regex("^[A-Za-z0-9._-]+\\.ya?ml$", w))])])
    error_message = "github_roles: an environment must have letters, digits, _ and - only. A workflow must be a file name that ends in .yml, without wildcards."
  }

  validation {
    condition     = length(distinct([for r in var.github_roles : r.environment])) == length(var.github_roles)
    error_message = "github_roles: each role needs its own environment. Otherwise the reviewers of one role also approve the other."
  }
}

variable "on_call_principals" {
  description = "ARNs of the roles and users that can assume the role of the engineer on call. Empty: the IAM policies of the account decide."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.on_call_principals : can(regex("^arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:(role|user)/[A-Za-z0-9_+=,.@/-]+$", arn))]) && length(distinct(var.on_call_principals)) == length(var.on_call_principals)
    error_message = "on_call_principals must be different ARNs of roles or users, without wildcards, such as arn:aws:iam::123456789012:role/engineer."
  }
}
