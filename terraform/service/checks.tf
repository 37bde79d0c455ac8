# Warnings: the plan goes on, and says so.

check "plain_http" {
  assert {
    condition     = local.https
    error_message = "insecure_http = true: keys and answers travel readable. For a trial with worthless keys only."
  }
}
