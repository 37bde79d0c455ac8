# Two roles. The execution role is ECS's own, to start the task; the task role is what the containers are.
# Every ARN is exact. Both carry the boundary that bootstrap made, without which the apply role may not create a role.

locals {
  ecs_tasks_trust = {
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      # Somebody else's task must not be able to talk ECS into using our role.
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "${local.arn.ecs}:*" }
      }
    }]
  }

  pull_statements = [
    {
      Sid      = "RegistryLogin"
      Effect   = "Allow"
      Action   = ["ecr:GetAuthorizationToken"]
      Resource = "*" # the action knows no resource
    },
    {
      Sid      = "PullTheTwoImages"
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = local.arn.repositories
    },
  ]

  log_statements = [{
    Sid      = "WriteTheLogs"
    Effect   = "Allow"
    Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    Resource = "${local.arn.log_groups}:${local.log_group_name}:log-stream:*"
  }]

  # SSM decrypts for the caller, this parameter and no other.
  decrypt_statement = {
    Sid      = "DecryptTheKeys"
    Effect   = "Allow"
    Action   = ["kms:Decrypt"]
    Resource = aws_kms_key.this.arn
    Condition = {
      StringEquals = {
        "kms:ViaService"                      = "ssm.${var.region}.amazonaws.com"
        "kms:EncryptionContext:PARAMETER_ARN" = local.arn.parameter
      }
    }
  }

  execution_policy = {
    Version = "2012-10-17"
    Statement = concat(local.pull_statements, local.log_statements, [{
      Sid      = "InjectTheKeys"
      Effect   = "Allow"
      Action   = ["ssm:GetParameters"]
      Resource = local.arn.parameter
    }])
  }

  task_policy = {
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ReadTheKeys"
      Effect   = "Allow"
      Action   = ["ssm:GetParameter"]
      Resource = local.arn.parameter
    }]
  }
}

resource "aws_iam_role" "execution" {
  name                 = "${local.id}-execution"
  description          = "ECS starts tasks of ${local.id}: pulls images, writes logs, injects the keys."
  assume_role_policy   = jsonencode(local.ecs_tasks_trust)
  permissions_boundary = local.arn.boundary
}

resource "aws_iam_role_policy" "execution" {
  # checkov:skip=CKV_AWS_355: "*" stands for ecr:GetAuthorizationToken alone, which knows no resource.
  name   = "start-tasks"
  role   = aws_iam_role.execution.id
  policy = jsonencode(local.execution_policy)
}

# Apart from the rest, because the key's ARN is not known before it exists: so the rest can be read in the plan.
resource "aws_iam_role_policy" "execution_decrypt" {
  name   = "decrypt-keys"
  role   = aws_iam_role.execution.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [local.decrypt_statement] })
}

resource "aws_iam_role" "task" {
  name                 = "${local.id}-task"
  description          = "Containers of ${local.id}: read the keys, nothing else."
  assume_role_policy   = jsonencode(local.ecs_tasks_trust)
  permissions_boundary = local.arn.boundary
}

resource "aws_iam_role_policy" "task" {
  name   = "read-keys"
  role   = aws_iam_role.task.id
  policy = jsonencode(local.task_policy)
}

resource "aws_iam_role_policy" "task_decrypt" {
  name   = "decrypt-keys"
  role   = aws_iam_role.task.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [local.decrypt_statement] })
}
