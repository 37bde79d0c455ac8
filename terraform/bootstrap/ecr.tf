# One repository for each image. A tag is written once; the service names digests anyway.

resource "aws_ecr_repository" "this" {
  for_each = toset(["api", "nginx"])

  name                 = "${var.name}/${each.key}"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.this.arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name

  # Fifty images are far more deployments than anybody rolls back, and cost some ten cents a month.
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Images without a tag go after two weeks."
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "The newest fifty stay."
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 50 }
        action       = { type = "expire" }
      },
    ]
  })
}
