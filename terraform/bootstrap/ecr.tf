# One repository for each image. A tag is written once; the service names digests anyway.

resource "aws_ecr_repository" "this" {
  for_each = toset(["api", "nginx"])

  name                 = "${var.name}/${each.key}"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !var.deletion_protection # without it AWS refuses to delete a repository that holds images

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

  # Each image brings two attestations, which have no tag of ours. ECR deletes them with their image; whether its rules count
  # them as images as well, its documentation does not say. So no rule may hurt if they do: 150 are then fifty images, and an
  # attestation is kept for a year. Fifty images are far more deployments than a rollback needs, at some ten cents a month.
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Without a tag for a year: attestations, and what an interrupted push left."
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 365 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "The newest fifty images stay, with two attestations each."
        selection    = { tagStatus = "tagged", tagPatternList = ["*"], countType = "imageCountMoreThan", countNumber = 150 }
        action       = { type = "expire" }
      },
    ]
  })
}
