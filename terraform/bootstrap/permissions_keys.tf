# The rights of `ops key` to read and write the lists of keys. The policy is not attached to a role, because people with this policy can
# read every key. Attach it and the policy of the engineer on call to the people who change keys.

resource "aws_iam_policy" "keys" {
  name        = "${var.name}-keys"
  description = "Reads and changes the keys of the clients: cargo ops key."

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # The history contains when a list changed, and who changed it.
        Sid      = "Keys"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter", "ssm:GetParameterHistory", "ssm:PutParameter"]
        Resource = [for name in local.service_names : "arn:${local.partition}:ssm:${local.here}:parameter/${name}/*"]
      },
      {
        Sid      = "DecryptAndEncryptKeys"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
        Resource = "arn:${local.partition}:kms:${local.here}:key/*"
        Condition = {
          StringEquals = { "kms:ViaService" = "ssm.${var.region}.amazonaws.com" }
          StringLike   = { "kms:EncryptionContext:PARAMETER_ARN" = [for name in local.service_names : "arn:${local.partition}:ssm:${local.here}:parameter/${name}/*"] }
        }
      },
    ]
  })
}
