# The keys. Terraform makes the parameter with a list that has no key, so a new service starts and answers 401 to everybody. From then
# on `ops key` is its only writer (docs/decisions/0104-keys-by-command.md). value_wo is write-only: neither plan nor state has the keys,
# although the provider reads the parameter back.

resource "aws_ssm_parameter" "api_key" {
  # checkov:skip=CKV_AWS_337: encrypted with the environment's key, whose ARN a first plan does not know. tests/security.tftest.hcl asserts it.
  count = local.keyed ? 1 : 0

  name             = local.parameter_name
  description      = "API keys of ${local.id}, in the form of API_KEY. Written by `ops key`."
  type             = "SecureString"
  tier             = "Standard"
  key_id           = var.kms_key_arn
  value_wo         = "none"
  value_wo_version = 1

  lifecycle {
    # A change of either would write the value again. The provider also sends the value with a new description.
    ignore_changes = [value_wo_version, description]
  }
}
