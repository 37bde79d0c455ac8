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
