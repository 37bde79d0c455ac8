# These checks print warnings. They do not stop the plan.

check "trial_network" {
  assert {
    condition     = var.network != "default-vpc"
    error_message = "network = default-vpc: tasks have public addresses and can reach any host by HTTPS. Use it only for a trial."
  }
}

check "page_subscription" {
  assert {
    # Unknown until the apply has made a subscription. False until a person has opened the link in the mail.
    condition     = var.pager_connected ? true : anytrue([for name, subscription in aws_sns_topic_subscription.email : !subscription.pending_confirmation if startswith(name, "page ")])
    error_message = "Nobody is subscribed to the topic page, so an outage pages nobody. Add an address to alarm_emails.page and open the link in the mail from AWS, or connect a pager and set pager_connected = true."
  }
}
