# Sends mail before the monthly bill gets too high. The budget covers the whole account. A budget for a tag needs a tag that is
# activated in the billing console. With an inactive tag it counts 0 USD and never sends mail.

resource "aws_budgets_budget" "account" {
  count = var.monthly_budget_usd == null ? 0 : 1

  name         = local.id
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    # Mail when the forecast for the month passes the limit, and again when the actual costs pass it.
    for_each = { FORECASTED = 100, ACTUAL = 100 }

    content {
      notification_type          = notification.key
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = length(var.alarm_emails.notify) > 0 ? var.alarm_emails.notify : var.alarm_emails.page
    }
  }
}
