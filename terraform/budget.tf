# A letter before the bill is a surprise. It watches the whole account: AWS counts a tag's costs only after somebody has activated the
# tag in the billing console, and a budget on a tag that is not active sees 0 USD and says nothing.

resource "aws_budgets_budget" "account" {
  count = var.monthly_budget_usd == null ? 0 : 1

  name         = local.id
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    # What the month will cost, early; what it has cost, when the limit is reached.
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
