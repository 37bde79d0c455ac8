# These checks print warnings. They do not stop the plan.

check "plain_http" {
  assert {
    condition     = local.https
    error_message = "insecure_http = true: keys and responses are sent unencrypted. Use it only for a trial with keys without value."
  }
}
