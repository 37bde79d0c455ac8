# The keys. Terraform sends the value to SSM and forgets it: value_wo is write-only, api_key is ephemeral, so neither
# state nor plan has ever seen it. docs/decisions/0104-ephemeral-key.md says what else was thought of.
# Any other change of this resource needs a new api_key_version as well: without one the provider sends an empty value, which SSM refuses.

resource "aws_ssm_parameter" "api_key" {
  # checkov:skip=CKV_AWS_337: encrypted with the environment's key, whose ARN a first plan does not know. tests/security.tftest.hcl asserts it.
  count = local.keyed ? 1 : 0

  name             = local.parameter_name
  description      = "API keys of ${local.id}, in the form of API_KEY. Written by Terraform when api_key_version rises."
  type             = "SecureString"
  tier             = "Standard"
  key_id           = var.kms_key_arn
  value_wo         = var.api_key
  value_wo_version = var.api_key_version
}
