# Recipients of the messages about a service that misses its objectives. The objectives are in its document.

variable "alarm_emails" {
  description = "Mail addresses of the two topics: page pages a person, notify is for working hours. The owner of each address confirms it by a link. A pager for the topic page is better than an address."
  type = object({
    page   = optional(list(string), [])
    notify = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = alltrue([for a in concat(var.alarm_emails.page, var.alarm_emails.notify) : can(regex("^[^@ ]+@[^@ ]+$", a)) && length(a) <= 254])
    error_message = "alarm_emails must contain mail addresses."
  }

  validation {
    condition     = alltrue([for list in values(var.alarm_emails) : length(list) <= 10 && length(distinct(list)) == length(list)])
    error_message = "alarm_emails must contain at most 10 different addresses for each topic, which is the limit of AWS for a budget. Use a mailing list."
  }
}

variable "pager_connected" {
  description = "True if a pager is subscribed to the topic page outside of Terraform. If it is false and alarm_emails.page has no confirmed address, every plan warns that an outage pages nobody."
  type        = bool
  default     = false
}

variable "monthly_budget_usd" {
  description = "Monthly budget of the whole account in US dollars. AWS sends mail to alarm_emails.notify (or page if notify is empty) when the forecast passes it, and when the costs pass it. Null for no budget. Set it in one environment of an account."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null ? true : var.monthly_budget_usd >= 1 && var.monthly_budget_usd == floor(var.monthly_budget_usd)
    error_message = "monthly_budget_usd must be a whole number of US dollars from 1, or null."
  }

  validation {
    condition     = var.monthly_budget_usd == null || length(concat(var.alarm_emails.page, var.alarm_emails.notify)) > 0
    error_message = "monthly_budget_usd needs an address in alarm_emails, because AWS rejects a budget without a subscriber."
  }
}

variable "runbook_url" {
  description = "URL of docs/runbook.md without a fragment. The description of every alarm links to it. Use the page in the web view of your repository."
  type        = string
  default     = "docs/runbook.md"

  validation {
    condition     = can(regex("^[A-Za-z0-9._~:/?&=%@+,-]+$", var.runbook_url)) && can(regex("runbook", var.runbook_url)) && length(var.runbook_url) <= 200
    error_message = "runbook_url must be the URL of the runbook, with at most 200 characters that are valid in a URL, and without #fragment. It is part of descriptions that AWS limits to 512 characters, and of a message in which < and \" are markup."
  }
}
