# Who is told when a service does not keep its objectives. The objectives are in its document.

variable "alarm_emails" {
  description = "Addresses that the two topics write to: page wakes somebody, notify is read in working hours. Each address confirms by a link. Connect a pager to the topic page instead of an address."
  type = object({
    page   = optional(list(string), [])
    notify = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = alltrue([for a in concat(var.alarm_emails.page, var.alarm_emails.notify) : can(regex("^[^@ ]+@[^@ ]+$", a)) && length(a) <= 254])
    error_message = "alarm_emails must hold mail addresses."
  }

  validation {
    condition     = alltrue([for list in values(var.alarm_emails) : length(list) <= 10 && length(distinct(list)) == length(list)])
    error_message = "alarm_emails must hold at most 10 different addresses for each topic: AWS takes no more for a budget. Use a mailing list."
  }
}

variable "pager_connected" {
  description = "Somebody has subscribed a pager to the topic page, outside of Terraform. Until then, and without a confirmed address in alarm_emails.page, every plan warns that a page wakes nobody."
  type        = bool
  default     = false
}

variable "monthly_budget_usd" {
  description = "Writes to alarm_emails.notify, or to page without it, when the account's bill of a month is forecast to pass this many US dollars, and when it does. Null for no budget. One environment of an account is enough."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null ? true : var.monthly_budget_usd >= 1 && var.monthly_budget_usd == floor(var.monthly_budget_usd)
    error_message = "monthly_budget_usd must be a whole number of US dollars from 1, or null."
  }

  validation {
    condition     = var.monthly_budget_usd == null || length(concat(var.alarm_emails.page, var.alarm_emails.notify)) > 0
    error_message = "monthly_budget_usd needs an address in alarm_emails: AWS takes no budget that tells nobody."
  }
}

variable "runbook_url" {
  description = "Where docs/runbook.md is read, without a fragment; every alarm's description links into it. Set it to the page in your repository's web view, so that the link is one click."
  type        = string
  default     = "docs/runbook.md"

  validation {
    condition     = can(regex("^[A-Za-z0-9._~:/?&=%@+,-]+$", var.runbook_url)) && can(regex("runbook", var.runbook_url)) && length(var.runbook_url) <= 200
    error_message = "runbook_url must lead to the runbook, be at most 200 of the characters of a URL, and have no #fragment: it stands in descriptions that AWS ends at 512 characters, and in a message where < and \" mean something."
  }
}
