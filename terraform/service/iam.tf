# Two roles. ECS uses the execution role to start the task. The containers use the task role. Every ARN is exact.
# Both have the permissions boundary from terraform/bootstrap. The apply role cannot create a role without it.

locals {
  ecs_tasks_trust = {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      # Only tasks of this account can use the role, not ECS for a task of another account.
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "${local.arn.ecs}:*" }
      }
    }]
  }

  # The parameters that containers get as secrets, without the keys.
  secret_arns = distinct(concat(values(var.secrets), flatten([for container in var.containers : values(container.secrets)])))

  execution_policy = {
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "RegistryLogin"
          Effect   = "Allow"
          Action   = ["ecr:GetAuthorizationToken"]
          Resource = "*" # the action has no resource type
        },
        {
          Sid      = "PullTheTwoImages"
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = local.arn.repositories
        },
        {
          Sid      = "WriteTheLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = local.log_streams
        },
      ],
      [for parameter in local.key_parameters : {
        Sid      = "InjectTheKeys"
        Effect   = "Allow"
        Action   = ["ssm:GetParameters"]
        Resource = parameter
      }],
      [for arns in [local.secret_arns] : {
        Sid      = "InjectTheSecrets"
        Effect   = "Allow"
        Action   = ["ssm:GetParameters"]
        Resource = arns
      } if length(arns) > 0],
    )
  }

  task_policy = {
    Version = "2012-10-17"
    Statement = [for parameter in local.key_parameters : {
      Sid      = "ReadTheKeys"
      Effect   = "Allow"
      Action   = ["ssm:GetParameter"]
      Resource = parameter
    }]
  }

  # SSM decrypts only these parameters for the caller.
  decrypt_statements = { for role, secrets in { task = [], execution = local.secret_arns } : role => concat(
    [for parameter in local.key_parameters : {
      Sid      = "DecryptTheKeys"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = var.kms_key_arn
      Condition = {
        StringEquals = {
          "kms:ViaService"                      = "ssm.${local.region}.amazonaws.com"
          "kms:EncryptionContext:PARAMETER_ARN" = parameter
        }
      }
    }],
    [for arns in [secrets] : {
      Sid      = "DecryptTheSecrets"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = var.kms_key_arn
      Condition = {
        StringEquals = {
          "kms:ViaService"                      = "ssm.${local.region}.amazonaws.com"
          "kms:EncryptionContext:PARAMETER_ARN" = arns
        }
      }
    } if length(arns) > 0],
  ) }
}

resource "aws_iam_role" "execution" {
  name                 = "${local.id}-execution"
  description          = "ECS starts tasks of ${local.id}: pulls images, writes logs, injects the keys."
  assume_role_policy   = jsonencode(local.ecs_tasks_trust)
  permissions_boundary = var.environment.boundary_arn
}

resource "aws_iam_role_policy" "execution" {
  # checkov:skip=CKV_AWS_355: "*" is only for ecr:GetAuthorizationToken, which has no resource type.
  name   = "start-tasks"
  role   = aws_iam_role.execution.id
  policy = jsonencode(local.execution_policy)
}

# A separate policy, because the ARN of the key is unknown before the key exists. The plan shows the complete other policy.
resource "aws_iam_role_policy" "execution_decrypt" {
  count = length(local.decrypt_statements.execution) > 0 ? 1 : 0

  name   = "decrypt-keys"
  role   = aws_iam_role.execution.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.decrypt_statements.execution })
}

resource "aws_iam_role" "task" {
  name                 = "${local.id}-task"
  description          = "Containers of ${local.id}: read the keys only."
  assume_role_policy   = jsonencode(local.ecs_tasks_trust)
  permissions_boundary = var.environment.boundary_arn
}

# Without keys, the containers need no AWS permissions.
resource "aws_iam_role_policy" "task" {
  count = local.keyed ? 1 : 0

  name   = "read-keys"
  role   = aws_iam_role.task.id
  policy = jsonencode(local.task_policy)
}

resource "aws_iam_role_policy" "task_decrypt" {
  count = local.keyed ? 1 : 0

  name   = "decrypt-keys"
  role   = aws_iam_role.task.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.decrypt_statements.task })
}
