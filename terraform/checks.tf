# Warnings: the plan goes on, and says so.

check "trial_network" {
  assert {
    condition     = var.network != "default-vpc"
    error_message = "network = default-vpc: tasks have public addresses and may reach any host by HTTPS. For a trial only."
  }
}

check "page_subscription" {
  assert {
    # Unknown until the apply has made a subscription, and false until somebody has followed the link in the letter.
    condition     = var.pager_connected ? true : anytrue([for name, subscription in aws_sns_topic_subscription.email : !subscription.pending_confirmation if startswith(name, "page ")])
    error_message = "Nobody is subscribed to the topic page: an outage wakes nobody. Put an address into alarm_emails.page and follow the link that AWS mails to it, or connect a pager and set pager_connected = true."
  }
}
