# The keys. Terraform creates the parameter with an empty list of keys, so a new service starts and answers 401 to every request with
# or without a key. After that, only `ops key` writes it (docs/decisions/0104-keys-by-command.md). value_wo is write-only: neither the
# plan nor the state contains the keys, although the provider reads the parameter.

resource "aws_ssm_parameter" "api_key" {
  # checkov:skip=CKV_AWS_337: encrypted with the environment's key, whose ARN is unknown in a first plan. tests/security.tftest.hcl asserts it.
  count = local.keyed ? 1 : 0

  name             = local.parameter_name
  description      = "API keys of ${local.id}, in the form of API_KEY. Written by `ops key`."
  type             = "SecureString"
  tier             = "Standard"
  key_id           = var.kms_key_arn
  value_wo         = "none"
  value_wo_version = 1

  lifecycle {
    # A change of either writes the value again: the provider also sends the value with a new description.
    ignore_changes = [value_wo_version, description]
  }
}
