# What the service promises, who is told when it does not keep it, and from how much traffic on.

variable "slo_availability" {
  description = "Promised share of requests that are served, in percent: 2xx against 5xx, whoever answered the 5xx. What a caller got wrong (4xx, 429 included) counts on neither side."
  type        = number
  default     = 99.9

  validation {
    condition     = var.slo_availability >= 90 && var.slo_availability <= 99.99
    error_message = "slo_availability must be from 90 to 99.99 percent. Above that the fast tier would need more than 90 000 requests an hour to tell a failure from noise."
  }
}

variable "slo_latency" {
  description = "Promised speed of the operation: this share of the answers, in percent, comes from the API within this many milliseconds."
  type = object({
    target       = number
    milliseconds = number
  })
  default = { target = 99, milliseconds = 250 }

  validation {
    condition     = var.slo_latency.target >= 90 && var.slo_latency.target <= 99.9
    error_message = "slo_latency.target must be from 90 to 99.9 percent."
  }

  validation {
    condition     = var.slo_latency.milliseconds >= 10 && var.slo_latency.milliseconds <= 5000 && var.slo_latency.milliseconds == floor(var.slo_latency.milliseconds)
    error_message = "slo_latency.milliseconds must be a whole number from 10 to 5000: the sidecar gives the API up after 6 seconds."
  }
}

variable "slo_floor" {
  description = "An SLO alarm needs at least this many requests, and this many bad ones among them, in its long window. One error at night then pages nobody; ten in an hour do, however little else there was."
  type = object({
    requests = number
    failures = number
  })
  default = { requests = 20, failures = 10 }

  validation {
    condition     = alltrue([for n in values(var.slo_floor) : n >= 1 && n == floor(n)]) && var.slo_floor.requests >= var.slo_floor.failures
    error_message = "slo_floor needs whole numbers with 1 <= failures <= requests."
  }
}

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
